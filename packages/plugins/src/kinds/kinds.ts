export * from './plain.js'
export { adapter, model, tokenizer } from './model.js'
