export * from './load-tokenizer.js'
export * from './tokenizer-config.js'
export type * from './tokenizer-json.js'
