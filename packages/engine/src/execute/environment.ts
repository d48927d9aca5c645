/** What a stage sees of the environment besides its own `env`. */
const passed = ['PATH', 'HOME', 'LANG', 'TMPDIR']

/**
 * What the machine needs to load native libraries, to name its devices and to reach the network. It cannot change what is computed, and
 * `command/shell` does not pass it on.
 */
const machine = [
  'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR',
  'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'SystemRoot', 'USERPROFILE', 'TEMP', 'TMP', 'HONE_BACKEND_HOME',
]

/** The environment of a stage's process but for the stage's own: nothing of the caller's but these names. */
export function sealedEnvironment(from: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const env: Record<string, string> = {}
  for (const name of [...passed, ...machine]) {
    const value = from[name]
    if (value !== undefined) env[name] = value
  }
  return env
}
