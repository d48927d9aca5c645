import type { CheckContext, StageProblem } from 'hone-engine'

/** Of ports that stand in for one another only one may be fed. */
export const oneSource = (ports: readonly string[], { inputs, upstream }: Pick<CheckContext, 'inputs' | 'upstream'>): readonly StageProblem[] => {
  const given = ports.filter(port => port in inputs || port in upstream)
  return given.length < 2 ? [] : [{ message: `the inputs ${given.map(port => `"${port}"`).join(' and ')} exclude each other`, hint: 'Keep one of them.' }]
}
