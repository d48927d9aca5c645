import { MessageChannel } from 'node:worker_threads'

const { port1: nowhere, port2 } = new MessageChannel()
port2.close()
nowhere.unref()

/**
 * Gives an array's memory back at once, where the garbage collector would let several of them gather first. The array is empty
 * afterwards. (A buffer that is sent to a closed port dies with its message; `ArrayBuffer.transfer` came with Node 22.)
 */
export function discard(data: ArrayBufferView): void {
  if (data.buffer instanceof ArrayBuffer) nowhere.postMessage(null, [data.buffer])
}
