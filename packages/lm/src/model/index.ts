export { llamaParameters, parseLlamaConfig, type LlamaConfig } from './llama-config.js'
export { loraParameters, loraTargets, trainsTiedMatrix, wholeParameters, type LoraOptions, type LoraTarget, type WholeParameter } from './lora.js'
export {
  compileEvaluateStep, compileTrainStep, gradientName, type BatchShape, type EvaluateStep, type StepOptions, type TrainStep, type TuningMethod,
} from './train-step.js'
export { compileScore, type ScoreOptions, type ScoreStep } from './score-step.js'
export { initializeLlama, initializeLora } from './initialize.js'
export { NotFinite } from './not-finite.js'
export { mergeLora } from './merge-lora.js'
export { fitWeights } from './fit-weights.js'
export { fitAdapter } from './fit-adapter.js'
