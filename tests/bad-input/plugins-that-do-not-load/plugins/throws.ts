import { definePlugin } from 'hone-engine'

const settings: Record<string, { readonly stages: [] }> = {}

export default definePlugin({ name: 'throws', api: 1, stages: settings['mine']!.stages })
