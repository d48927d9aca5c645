import type { Metric } from 'hone-lm'

const metric: Metric = {
  name: 'first_letter',
  summary: 'Whether prediction and reference begin with the same letter.',
  score: (prediction, references) => ({ first_letter: references.some(r => r[0] === prediction[0]) ? 1 : 0 }),
  aggregate: rows => ({ first_letter: rows.filter(row => row.scores['first_letter'] === 1).length / rows.length }),
}
export default metric
