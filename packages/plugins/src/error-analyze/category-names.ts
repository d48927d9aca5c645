/** The categories of hone in the order in which they are tried; a test compares them with what there is. */
export const categoryNames = [
  'empty', 'surface', 'repetition-loop', 'refusal', 'other-answer', 'goes-on', 'repeats-question', 'contains-reference', 'number', 'garbled', 'too-long', 'cut-short',
  'spelling', 'overlap-high', 'overlap-low', 'unrelated',
] as const
