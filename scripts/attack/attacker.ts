/**
 * Runs one attack in a process of its own: `bun attacker.ts NAME TARGET`, with the target as JSON. Prints an Attacked as
 * JSON. A separate process keeps the attacker's work from disturbing the clocks of the processes that measure.
 */

import { ATTACKS } from './attacks.ts'
import { type Attacked, epochMs, type Target } from './target.ts'

const [name = '', json = ''] = process.argv.slice(2)
const planned = ATTACKS.get(name)
if (planned === undefined) throw new Error(`there is no attack ${name}`)
const target: Target = JSON.parse(json)
const fromMs = epochMs()
const outcome = await planned.run(target)
const attacked: Attacked = { ...outcome, fromMs, untilMs: epochMs() }
console.log(JSON.stringify(attacked))
process.exit(0)
