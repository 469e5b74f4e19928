import { StartError } from './engine-flags.ts'
import type { Environment } from './setting-values.ts'

/** How the images of one family start their engine. Each reads only what the start script of that family reads. */
export interface Dialect {
  /** The words that the engine is started with, from the container's variables and the words of its command. */
  readonly words: (env: Environment, args: readonly string[]) => readonly string[]
  /** Whether the engine wants to be told that it is a console program. That of Android is nothing else. */
  readonly needsMode: boolean
  /**
   * Whether the engine goes on without the old API if that port is taken, where the family cannot set it: several engines of
   * http-proxy are known to run behind one Gluetun. Elsewhere every port that is taken ends the engine.
   */
  readonly toleratesTakenApi: boolean
}

/** All families that can be emulated, besides `lenient`. Some differ only in their images. */
export const DIALECT_NAMES = [
  'http-proxy',
  'martinbjeldbak',
  'arguments',
  'aceserve',
  'ubuntu-home',
  'ubuntu-home-checked',
] as const

export type DialectName = (typeof DIALECT_NAMES)[number]

const CONSOLE = '--client-console'

/** Reads the words of the command and nothing else, after whatever the image's entrypoint puts before them. */
const ARGUMENTS: Dialect = { words: (_, args) => args, needsMode: true, toleratesTakenApi: false }

/** krinkuto11/acestream-http-proxy (3a20fac): variables, written to a file of flags. */
const HTTP_PROXY: Dialect = {
  words: (env) => [
    CONSOLE,
    ...flag('--use-internal-buffering', env.INTERNAL_BUFFERING),
    ...flag('--http-port', env.HTTP_PORT),
    ...flag('--https-port', env.HTTPS_PORT),
    ...(env.BIND_ALL ? ['--bind-all'] : []),
    ...flag('--port', env.P2P_PORT),
    ...flag('--cache-limit', env.CACHE_LIMIT),
  ],
  needsMode: true,
  toleratesTakenApi: true,
}

/** martinbjeldbak/acestream-http-proxy since 3.1.1: flags of its own, two variables, and the words of the command. */
const MARTINBJELDBAK: Dialect = {
  ...ARGUMENTS,
  words: ({ EXTRA_FLAGS, ALLOW_REMOTE_ACCESS }, args) => [
    ...['--live-cache-type', 'memory', CONSOLE, ...split(EXTRA_FLAGS)],
    ...(ALLOW_REMOTE_ACCESS === 'yes' ? ['--bind-all'] : []),
    ...args,
  ],
}

/** The engine of Android, a Python program: `python main.py` and flags. */
const ACESERVE: Dialect = {
  words: (_, [script, ...flags]) => {
    if (script === 'main.py') return flags
    throw new StartError(2, `python: can't open file '/acestream/${script ?? ''}': [Errno 2] No such file`)
  },
  needsMode: false,
  toleratesTakenApi: false,
}

/**
 * smarquezp/docker-acestream-ubuntu-home as published until 2024. A variable that is not set leaves its flag without a value.
 */
const UBUNTU_HOME: Dialect = {
  words: ({ HTTP_PORT, HTTPS_PORT }) => [
    ...['--http-port', ...split(HTTP_PORT), '--https-port', ...split(HTTPS_PORT)],
    ...['--allow-user-config', '--bind-all', CONSOLE],
  ],
  needsMode: true,
  toleratesTakenApi: true,
}

/** The same since: the HTTPS port has to be the one after the HTTP port, and there are further flags. */
const UBUNTU_HOME_CHECKED: Dialect = {
  ...UBUNTU_HOME,
  toleratesTakenApi: false,
  words: (env, args) => {
    const { HTTP_PORT = '', HTTPS_PORT = '', ACESTREAM_EXTRA_FLAGS } = env
    for (const [name, text] of Object.entries({ HTTP_PORT, HTTPS_PORT }))
      if (!/^\d+$/.test(text)) throw new StartError(1, `ERROR: ${name} '${text}' is not a number`)
    if (Number(HTTPS_PORT) !== Number(HTTP_PORT) + 1)
      throw new StartError(1, `ERROR: HTTPS_PORT (${HTTPS_PORT}) must be HTTP_PORT (${HTTP_PORT}) + 1`)
    return [...UBUNTU_HOME.words(env, args), ...split(ACESTREAM_EXTRA_FLAGS)]
  },
}

/** All families by name. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  'http-proxy': HTTP_PROXY,
  martinbjeldbak: MARTINBJELDBAK,
  arguments: ARGUMENTS,
  aceserve: ACESERVE,
  'ubuntu-home': UBUNTU_HOME,
  'ubuntu-home-checked': UBUNTU_HOME_CHECKED,
}

/** Whether `text` names a family that can be emulated. */
export const isDialectName = (text: string): text is DialectName => Object.hasOwn(DIALECTS, text)

const flag = (name: string, value: string | undefined): readonly string[] =>
  value ? [`${name}=${value}`] : []

/** Splits a text into words as a shell splits a variable without quotes. */
const split = (text: string | undefined): readonly string[] => (text ?? '').split(/\s+/).filter(Boolean)
