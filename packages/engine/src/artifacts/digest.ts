import * as crypto from 'node:crypto'
import { encodeTyped } from './canonical-json.js'
import type { Component, Digest, Json } from './types.js'

/** SHA-256 of bytes, or of the UTF-8 of a text. */
export const sha256 = (data: string | Uint8Array): Digest => (hashAtOnce?.('sha256', data, 'hex') ?? crypto.createHash('sha256').update(data).digest('hex')) as Digest

// Node has it from 20.12 on; it spares an object a key.
const hashAtOnce = (crypto as { hash?: (algorithm: string, data: string | Uint8Array, encoding: 'hex') => string }).hash

/** SHA-256 of any JSON value through its typed encoding. */
export const digestOfJson = (value: Json): Digest => sha256(encodeTyped(value))

/** The key that named components make, whatever their order. */
export const digestOf = (components: readonly Component[]): Digest => digestOfEncoded(components.map(encodeComponent))

/** A component encoded once for several keys that hold it. */
export interface EncodedComponent {
  readonly name: string
  readonly text: string
}

export const encodeComponent = ({ name, value }: Component): EncodedComponent => ({ name, text: encodeTyped(name) + encodeTyped(value) })

/** `digestOf` of components that are encoded already. */
export function digestOfEncoded(components: readonly EncodedComponent[]): Digest {
  let text = `hone-key${components.length}:`
  for (const c of [...components].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))) text += c.text
  return sha256(text)
}

export const isDigest = (text: string): text is Digest => /^[0-9a-f]{64}$/.test(text)
