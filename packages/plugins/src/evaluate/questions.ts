import type { ArtifactHandle, StageContext } from 'hone-engine'
import { encodePrompt, TemplateError, type LanguageModel } from 'hone-lm'
import type { Example, Message } from '../kinds/kinds.js'

/** The last question of an example, as a model is asked it. */
export interface Question {
  readonly id: string
  readonly task: string | undefined
  /** What was said last before the answer. */
  readonly question: string
  readonly reference: string
  /** All that the model reads, by its chat template. */
  readonly prompt: string
}

/**
 * Reads examples as questions: `shots` come first, a `system` takes the place of their system messages. Ends the stage at an example
 * without an answer or without a question, or one that the model cannot take.
 */
export async function readQuestions(context: StageContext<{ system?: string }>, model: LanguageModel): Promise<Question[]> {
  const { inputs, params: { system }, fail } = context
  const shots: Example[] = []
  if (inputs.shots) for await (const shot of inputs.shots as ArtifactHandle<Example>) shots.push(shot)
  const questions: Question[] = []
  for await (const { id, messages, task } of inputs.examples as ArtifactHandle<Example>) {
    const reference = messages.at(-1)!
    if (reference.role !== 'assistant') fail(`The example ${id} does not end with an answer of the assistant to compare with`)
    if (messages.length < 2) fail(`The example ${id} is an answer without a question`)
    const before = messages.slice(0, -1)
    const prompt = render(context, model, id, [
      ...(system === undefined ? before.filter(m => m.role === 'system') : system === '' ? [] : [{ role: 'system' as const, content: system }]),
      // An example is not shown its own answer.
      ...shots.filter(shot => shot.id !== id).flatMap(shot => shot.messages.filter(m => m.role !== 'system')),
      ...before.filter(m => m.role !== 'system'),
    ])
    questions.push({ id, task, question: before.at(-1)!.content, reference: reference.content, prompt })
  }
  if (questions.length === 0) fail('There is no example to answer')
  return questions
}

function render({ fail }: StageContext, model: LanguageModel, id: string, messages: readonly Message[]): string {
  let prompt: string
  try {
    prompt = model.template.render(messages, { addGenerationPrompt: true })
  } catch (error) {
    if (error instanceof TemplateError) return fail(`The example ${id}: ${error.message}`, 'template')
    throw error
  }
  const { length } = encodePrompt(model, prompt)
  if (length >= model.config.maxPositions) {
    return fail(`The prompt of the example ${id} has ${length} tokens and leaves no room for an answer: the model's context is ${model.config.maxPositions}`,
      'model', 'Leave out the longest examples, or give fewer shots.')
  }
  return prompt
}
