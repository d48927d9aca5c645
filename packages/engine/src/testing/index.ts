// `hone-engine/testing`: what an author of a stage tests it with, under any test runner.
export { conformance, type Check, type ConformanceOptions, type WrongParameters } from './conformance.js'
export { loadPlugin } from './load-plugin.js'
export { runStage, type StageRun } from './run-stage.js'
export type { GivenInput, StageSetting } from './setting.js'
