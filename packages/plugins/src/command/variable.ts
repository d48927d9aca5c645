/** The name of a port in the environment. */
export const variable = (port: string): string => port.toUpperCase().replace(/[^A-Z0-9]/g, '_')
