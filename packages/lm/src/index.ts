export * from './metrics/index.js'
export * from './checkpoint/index.js'
export type * from './tensor/types.js'
export type * from './text/types.js'
