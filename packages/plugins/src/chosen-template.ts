import type { StageContext } from 'hone-engine'
import { chatMlTemplate, plainTemplate } from 'hone-lm'

const own: Readonly<Record<string, string>> = { chatml: chatMlTemplate, plain: plainTemplate }

/** What a parameter `template` means: Jinja source, or `none`; undefined where it says nothing. */
export function chosenTemplate({ params: { template }, services }: Pick<StageContext<{ readonly template?: string }>, 'params' | 'services'>): string | undefined {
  if (template === undefined) return undefined
  return own[template] ?? (services['templates'] as ReadonlyMap<string, string>).get(template) ?? template
}
