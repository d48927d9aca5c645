import { definePlugin } from 'hone-engine'
import { shell } from './command/shell.js'
import { categories } from './error-analyze/categories.js'
import { choice } from './evaluate/choice.js'
import { perplexity } from './evaluate/perplexity.js'
import { qa } from './evaluate/qa.js'
import { score } from './evaluate/score.js'
import { files } from './ingest/files.js'
import { table } from './ingest/table.js'
import { template } from './qa-convert/template.js'
import * as kinds from './kinds/kinds.js'
import * as modelKinds from './kinds/model.js'
import { huggingface } from './tokenize/huggingface.js'
import { train as trainTokenizer } from './tokenize/train.js'
import { full } from './tune/full.js'
import { lora } from './tune/lora.js'

export * from './kinds/kinds.js'
export { collections } from './collections.js'
export type { Answered, Category } from './error-analyze/category.js'
export { canonical, rowId, rowIds } from './kinds/ids.js'
export { nearGroups, nearIndex, words, type Near } from './qa-convert/near.js'
export { page, table as reportTable, figures, type PageOptions, type Section } from './report/page.js'
export { barChart, lineChart } from './report/chart.js'
export { escapeHtml, html, markup, Markup } from './report/html.js'

export { generateText, isModelProblem, openSession, type GenerateRequest, type SessionOptions } from './model-session.js'
export { probeEngines, type EngineState } from './engines.js'

/** Everything that comes with hone; the command line passes it to the engine like any other plugin. */
export const builtInPlugin = definePlugin({
  name: 'hone-plugins',
  api: 1,
  stages: [
    files,
    table,
    template,
    shell,
    categories,
    score,
    qa,
    perplexity,
    choice,
    trainTokenizer,
    huggingface,
    full,
    lora,
  ],
  kinds: [...Object.values(kinds), ...Object.values(modelKinds)],
})
