import type { Json } from '../artifacts/types.js'
import type { CommandDefinition } from '../plugin/define.js'
import { ParameterSchema } from './parameters.js'
import { schemaProblems } from './schema-errors.js'

/** What is wrong with the options of a command, for people. Sets defaults in them. */
export const commandProblems = (command: CommandDefinition, params: Json): readonly string[] => schemaProblems(ParameterSchema.of(command).errors(params)).map(({ message, hint }) => `${message}${hint ? `. ${hint}` : ''}`)
