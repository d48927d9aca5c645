import { writeFile } from 'node:fs/promises'
import type { StageContext } from 'hone-engine'

/** Leaves one flat JSON object at the port `metrics` and names each number to the run. */
export async function writeMetrics({ outputs, metric }: Pick<StageContext, 'outputs' | 'metric'>, metrics: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, value] of Object.entries(metrics)) metric(name, value)
  await writeFile(outputs.metrics!.path, `${JSON.stringify(metrics, null, 2)}\n`)
}
