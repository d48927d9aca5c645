// A plugin with a metric, an error category and a chat template. Each is a module of its own: a change of one reruns what names it, and nothing else.
import { definePlugin } from 'hone-engine'
import { collections } from 'hone-plugins'

export default definePlugin({
  name: 'judging',
  api: 1,
  provides: [
    { token: collections.metrics, name: 'first_letter', summary: 'Whether prediction and reference begin with the same letter.', load: () => import('./first-letter.js') },
    { token: collections.categories, name: 'american', summary: 'Right but for American spelling.', load: () => import('./american.js') },
    { token: collections.templates, name: 'interview', summary: 'Q: and A:, each on a line.', load: () => import('./interview.js') },
  ],
})
