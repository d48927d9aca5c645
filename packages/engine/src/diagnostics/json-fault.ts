/** What JSON.parse says of a text, without the place in it that Node from 22 on adds: of a line or a parameter it would be another than the one that is told. */
export const jsonFault = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replace(/ \(line \d+ column \d+\)$/, '')
