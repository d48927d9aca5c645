import { Help, type Command, type HelpConfiguration } from 'commander'

const term = (command: Command) => [command.name(), ...command.registeredArguments.map(a => (a.required ? `<${a.name()}${a.variadic ? '...' : ''}>` : `[${a.name()}${a.variadic ? '...' : ''}]`))].join(' ')

/** The program's help is a line a command, so that all of them fit on a screen; a command's own is commander's. */
export const helpOnOneScreen: HelpConfiguration = {
  subcommandTerm: term,
  formatHelp: (command, helper) => {
    if (command.parent) return Help.prototype.formatHelp.call(helper, command, helper)
    const commands = helper.visibleCommands(command).filter(c => c.name() !== 'help')
    const width = Math.max(...commands.map(c => term(c).length))
    return `${command.description()}\n\n${commands.map(c => `  ${term(c).padEnd(width)}  ${helper.subcommandDescription(c)}\n`).join('')}`
  },
}
