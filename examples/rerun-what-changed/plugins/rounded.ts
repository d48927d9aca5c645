export const rounded = (value: number, decimals: number): string => value.toFixed(decimals)

export const shouted = (text: string): string => text.toUpperCase()
