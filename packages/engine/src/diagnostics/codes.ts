/** Every code that a diagnostic may carry, with what it means in a line. docs/diagnostics.md explains each; a test compares the two. */
export const codes = {
  // the YAML text
  'yaml-syntax': 'The text is not YAML 1.2.',
  'yaml-nesting': 'The text nests deeper than any pipeline needs.',
  'yaml-alias': 'An alias names no anchor, holds itself, or multiplies the text beyond measure.',
  'yaml-merge-key': 'The merge key << is not part of YAML 1.2.',
  'yaml-tag': 'A tag such as !env is not used in pipeline files.',
  'yaml-key': 'A key of a mapping is not a plain string.',
  'yaml-number': 'A number is NaN, infinite, or too large to be kept exactly.',
  'duplicate-key': 'A mapping has the same key twice.',
  // the shape of the file
  'unknown-key': 'A key is not one that stands here.',
  'missing-key': 'A key that must stand here does not.',
  'wrong-type': 'A value has another type or form than is asked for here.',
  'bad-id': 'A stage, an axis or another name is not made of a-z, 0-9, _ and -.',
  'bad-quantity': 'A duration or a size cannot be read.',
  'no-file': 'A file that the command line names is not there, cannot be read, is larger than 32 MiB, or is not text in UTF-8.',
  // parameters of the pipeline
  'unknown-parameter': '--set or --params names a parameter that the file does not have.',
  'parameter-type': '--set or --params gives a value of another type than the default has.',
  // expressions
  'expression-syntax': 'A ${{ … }} cannot be read.',
  'expression-name': 'A ${{ … }} reads something that is not there.',
  'expression-value': 'A ${{ … }} cannot be computed, or gives a value that does not fit.',
  'expression-place': 'A ${{ … }} stands, or reads something, where it may not.',
  // plugins and stages
  'plugin-not-found': 'A plugin that the file names is not there.',
  'plugin-syntax': 'A plugin cannot be read: its syntax is wrong, or an import of it is not found.',
  'plugin-load': 'A plugin threw, ended the process, did not return, or let a promise fail that nobody awaits, while it was loaded.',
  'plugin-api': 'A plugin is for another engine version.',
  'plugin-schema': 'The JSON Schema of a stage\'s parameters is not one.',
  'plugin-conflict': 'Two plugins define the same stage or command, or two kinds of one name, or provide one thing of one name: a metric, an error category, a chat template.',
  'unknown-stage-type': '`uses` names no stage of the loaded plugins.',
  'stage-version': '`uses` pins a version that the plugin does not have.',
  'plugin-fault': 'A plugin declares, answers or makes something other than is asked of it.',
  'bad-parameter': 'A value under `with` does not fit the schema of the stage.',
  'unused-parameter': 'A key under `with` belongs to another stage of the same kind and is not passed on.',
  'unused-publish': 'A port under `publish` is an output of another stage of the same kind, and nothing is published.',
  'unknown-executor': 'No plugin provides the executor that a stage asks for.',
  // edges
  'unknown-stage': 'A reference names no stage of the file.',
  'unknown-port': 'A stage has no port of that name.',
  'bad-reference': 'A reference is not of the form stage, stage.port or stage[axis=value].port.',
  'ambiguous-output': 'A bare stage name could mean several of its outputs, or none.',
  'kind-mismatch': 'What a stage gives is not of the kind that the port takes.',
  'port-shape': 'A port that takes one is given several, or the other way round.',
  'missing-input': 'A port that must be fed is not.',
  'input-twice': 'A port is fed by `inputs` and by a parameter at once.',
  'cycle': 'Stages wait for one another.',
  // matrix
  'bad-matrix': 'A matrix has an empty axis, an unknown axis, or no combination left.',
  'too-many-nodes': 'The matrices of the file make more nodes or edges than can be run.',
  'ambiguous-member': 'A reference means several members of a matrix where one is asked for.',
  // files that parameters name, and the plan
  'missing-file': 'A parameter names a file, a folder or a glob that is not there.',
  'unreadable-file': 'A parameter names something that cannot be read, or a folder where a file is asked for.',
  'unknown-reference': 'A parameter names something that is neither a path nor on this machine.',
  'not-fetched': 'A parameter names something outside the project that is not on this machine yet.',
  'fetch-failed': 'A reference could not be resolved or fetched.',
  'outside-data': 'The outside data of a stage could not be asked after; what was last known of it counts.',
  'bad-lock': 'hone.lock cannot be read.',
  'no-current-result': 'A parameter names what a stage of another pipeline makes, and that has no current result.',
  'bad-artifact': 'What a parameter names is not what its kind asks for, by its headers.',
  'stage-check': 'The stage itself says that its parameters, or what they name, cannot work.',
  'absent-output': 'A stage takes an output that another left out.',
  'not-a-hit': 'With --only, a stage that is needed would have to run first.',
  // publishing and selecting
  'publish-path': 'A path under `publish` lies outside the project, two of them collide, or something is there that hone did not write.',
  'unknown-selection': 'The command line names a stage that the file does not have.',
  // the store
  'store': 'The store cannot be used: it was written by a newer version, or cannot be read or written.',
  // a new project
  'not-empty': 'A folder where something new is to be made holds other things.',
  'not-writable': 'A folder where something new is to be made cannot be written.',
  // the run
  'too-few-gpus': 'A stage asks for more GPUs than this machine has.',
  'missing-secret': 'A secret that a stage reads is not set.',
  'stage-failed': 'A stage found a mistake in what it was given.',
} as const satisfies Record<string, string>

export type Code = keyof typeof codes
