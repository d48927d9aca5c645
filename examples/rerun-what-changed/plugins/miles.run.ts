import type { StageContext } from 'hone-engine'
import { rounded } from './rounded.js'
import type { Params } from './miles.js'

export default async function run({ params, inputs, outputs }: StageContext<Params>): Promise<void> {
  for await (const row of inputs['rows']) await outputs['rows']!.write({ ...row, miles: rounded(Number(row.km) * 0.6213712, params.decimals) })
}
