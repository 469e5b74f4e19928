import type { Settings } from './settings.ts'
import { versionCode } from './status-routes.ts'

/**
 * The lines that an engine writes while it starts, in the form of a real one: time, thread, module and message. `before` come
 * before its ports open, `after` when they are open. The line of the options is the emulator's own; it shows secrets, as
 * programs do that log their command line. `extra` further lines have numbers.
 */
export function startLines(
  settings: Settings,
  nowMs: number,
  extra: number,
): { readonly before: readonly string[]; readonly after: readonly string[] } {
  const { version, flags, httpPort, apiPort, p2pPort, bindAll, httpAddress, bindAddress } = settings
  const time = new Date(nowMs).toISOString().replace('T', ' ').replace('.', ',').replace('Z', '')
  const line = (module: string, message: string, thread = 'MainThread'): string =>
    `${time}|${thread}|${module}|${message}`
  const bound = (port: number): string =>
    line('acestream.SocketHandler.SocketHandler', `bind: socket bound: host=${bindAddress} port=${port}`)
  return {
    before: [
      line('acestream', `Start Ace Stream ${version}`),
      line('acestream', `version=${version} code=${versionCode(version)}`),
      line('acestream', `options: ${flags.join(' ')}`),
      line('acestream.coreapp', 'cannot load session config, use default'),
    ],
    after: [
      bound(p2pPort),
      line('acestream.LM', `listen on ${p2pPort}`),
      line(
        'acestream.httpserver',
        `start: port=${httpPort} allow_remote=${Number(bindAll)} allow_intranet=1`,
      ),
      line('acestream.httpserver', `start: bound on ('${httpAddress}', ${httpPort})`),
      bound(apiPort),
      line('acestream.APIServer', `run: ready to receive remote commands on ${apiPort}`, 'Instance2Instance'),
      ...Array.from({ length: extra }, (_, index) => line('acestream', `line ${index + 1}`)),
    ],
  }
}
