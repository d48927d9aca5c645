import type { ArtifactHandle, StageContext } from 'hone-engine'
import { defaultTemplate, loadTokenizer, openLanguageModel, TemplateError, TemplateMismatch, type LanguageModel } from 'hone-lm'
import { chosenTemplate } from '../chosen-template.js'
import { failWhereFaulty } from './faulty-model.js'
import type { ModelParams } from './model-inputs.js'

/** Opens what the ports `model`, `adapter` and `template_from` hold. What does not fit together ends the stage at its parameter. */
export async function openModel(context: StageContext<ModelParams>): Promise<LanguageModel> {
  const { inputs, params, services, fail } = context
  const adapterDir = (inputs.adapter as ArtifactHandle | undefined)?.path
  const templateFrom = inputs.template_from as ArtifactHandle | undefined
  if (templateFrom && params.template !== undefined) fail('There are two chat templates: "template", and the model of the port "template_from"', 'template')
  try {
    return await openLanguageModel({
      dir: (inputs.model as ArtifactHandle).path,
      adapterDir,
      template: templateFrom ? await templateOf(templateFrom.path) : chosenTemplate({ params, services }),
    })
  } catch (error) {
    if (error instanceof TemplateError || error instanceof TemplateMismatch) fail(error.message, 'template')
    return failWhereFaulty(context, error)
  }
}

async function templateOf(dir: string): Promise<string> {
  const tokenizer = await loadTokenizer(dir)
  return tokenizer.config.chatTemplate?.source ?? defaultTemplate(tokenizer)
}

/** What decides a model's numbers beside what it is asked, for the salt of a memo. */
export const modelSalt = (context: StageContext<ModelParams>, model: LanguageModel, computedBy: string) => ({
  model: (context.inputs.model as ArtifactHandle).digest,
  adapter: (context.inputs.adapter as ArtifactHandle | undefined)?.digest ?? null,
  template: model.template.digest,
  computed_by: `${computedBy} ${process.arch}`,
})
