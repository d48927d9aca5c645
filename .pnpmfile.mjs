// What the workspace alone needs of a manifest is left out of the package that is published.
/** `hone-source` leads to the sources, which no package carries. */
function withoutSources(exports) {
  if (typeof exports !== 'object' || exports === null) return exports
  return Object.fromEntries(Object.entries(exports).filter(([condition]) => condition !== 'hone-source').map(([key, target]) => [key, withoutSources(target)]))
}

export const hooks = {
  beforePacking(manifest) {
    const { devDependencies: _, scripts: __, exports, ...published } = manifest
    return { ...published, ...(exports !== undefined && { exports: withoutSources(exports) }) }
  },
}
