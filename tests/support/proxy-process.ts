/**
 * A proxy in a process of its own, which a test can kill. Opens a session at the engine of each given port, prints the URLs
 * of their statistics as one line of JSON, and reads their playback until the process is ended.
 */

import { openViewer } from './lifecycle.ts'

const viewers = await Promise.all(process.argv.slice(2).map((port) => openViewer(Number(port))))
process.stdout.write(`${JSON.stringify(viewers.map(({ statUrl }) => statUrl))}\n`)
