import type { Category } from 'hone-plugins'

const american = (text: string) => text.replace(/our\b/g, 'or').replace(/\bgrey\b/g, 'gray')

const category: Category = {
  id: 'american',
  title: 'American spelling',
  about: 'Right but for the spelling of another country.',
  test: ({ prediction, reference }) => american(prediction) === american(reference),
}
export default category
