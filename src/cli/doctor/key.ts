import { isLoopback } from '../../config/loopback.ts'
import type { NetworkFacts } from './network.ts'
import { counted, fault, ok, type Row, warning } from './row.ts'
import { warned } from './settings.ts'

export interface KeyFacts {
  readonly keys: number
  readonly bind: string
  readonly allowsNoKey: boolean
  /** Warnings of the configuration about the key. */
  readonly warnings: readonly string[]
  readonly self: NetworkFacts['self']
}

/** Whether there is a key where one is needed. */
export function keyRows({ keys, bind, allowsNoKey, warnings, self }: KeyFacts): readonly Row[] {
  if (warnings.length > 0) return warnings.map((each) => warned('key', each))
  if (keys > 0) return [ok('key', `${counted(keys, 'key')}, long enough`)]
  if (allowsNoKey) return [ok('key', `no key, as ALLOW_NO_KEY says; it listens at ${bind}`)]
  if (!isLoopback(bind))
    return [
      fault(
        'key',
        `there is no key, and others reach ${bind}: the server does not start`,
        'set API_KEY or API_KEY_FILE (openssl rand -hex 32 makes one)',
      ),
    ]
  if (self.kind === 'answer' && self.value.kind === 'container')
    return [
      warning(
        'key',
        `there is no key, so the server listens at ${bind} of the container ${self.value.name}, where nobody else reaches it`,
        'set API_KEY or API_KEY_FILE (openssl rand -hex 32 makes one), or ALLOW_NO_KEY=true',
      ),
    ]
  return [ok('key', `no key, and only this machine reaches ${bind}`)]
}
