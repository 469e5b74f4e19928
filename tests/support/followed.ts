/**
 * Follows documents as a person would: types their commands into a terminal of a machine of its own, one block after another,
 * and compares what they print with what the document shows. The machine has the ports, the names and the images that the
 * documents use (stand-ins.ts has the table of the images), so nothing in a command is replaced.
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { read } from './documents.ts'
import { differences, ELSEWHERE, isAsShown, stepsOf, Terminal } from './guide.ts'
import type { Machine } from './machine.ts'
import { openMachineForDocuments, removeMadeFiles } from './stand-ins.ts'

interface Followed {
  /** The file of tests that follows it: each makes a machine, and may take a minute and a half. */
  readonly in: string
  /** What a document supposes: commands before the first block of a heading ('' is the head). A reader has that already. */
  readonly before?: Readonly<Record<string, string>>
  /** Commands for `sh elsewhere` blocks whose effect the next steps need, by the text of the block. */
  readonly instead?: Readonly<Record<string, string>>
}

/** What an update brings, without a registry: another image of the same program. */
const NEW_IMAGE = `printf 'FROM roundhouse\nLABEL another=image\n' | docker build --quiet --tag roundhouse - >made.txt\n`

/** What a document supposes that begins after the installation: `compose.yml` with an engine that is ready. */
const INSTALLED = `
cp deploy/compose/.env.example deploy/compose/.env
sed -i "s/^API_KEY=$/API_KEY=$(openssl rand -hex 32)/" deploy/compose/.env
docker compose --file deploy/compose/compose.yml up -d
until curl -s http://localhost:8000/engines | grep -q '"status":"ready"'; do sleep 0.2; done
`

const ENGINE = 'ghcr.io/krinkuto11/acestream-http-proxy:latest'

/** The former orchestrator (anything that runs stands for it) and two of its engines, with the labels that it sets. */
const FORMER_ORCHESTRATOR = `
docker run -d --name orchestrator --restart unless-stopped ${ENGINE} >made.txt
for N in 1 2; do
  docker run -d --name acestream-$N --restart unless-stopped -p 1900$N:1900$N --label ondemand.app=myservice \\
    --label acestream.http_port=1900$N --label acestream.https_port=4500$N --label host.http_port=1900$N \\
    -e HTTP_PORT=1900$N -e HTTPS_PORT=4500$N -e BIND_ALL=true ${ENGINE} >made.txt
done
`

/** One engine without an orchestrator, and something that has the port of acexy. */
const ONE_ENGINE = `
docker run -d --name acestream -p 6878:6878 ${ENGINE} >made.txt
docker run -d --name acexy -p 8080:8080 ghcr.io/krinkuto11/acexy-orchestrator:latest >made.txt
`

/** The documents that are followed as they are, from the folder of the project. */
export const FOLLOWED: Readonly<Record<string, Followed>> = {
  'README.md': { in: 'documents-others.test.ts' },
  'docs/INSTALL.md': { in: 'documents.test.ts' },
  'docs/OPERATIONS.md': {
    in: 'documents-others.test.ts',
    before: { '': INSTALLED },
    instead: { 'git pull\ndocker compose build roundhouse\n': NEW_IMAGE },
  },
  'docs/MIGRATION.md': {
    in: 'documents-others.test.ts',
    before: {
      'Its engines': FORMER_ORCHESTRATOR,
      'From Gluetun and one engine, with acexy in front': ONE_ENGINE,
    },
  },
}

/** Those that a test of their own follows, because their answers depend on settings of their own. */
export const FOLLOWED_BY: Readonly<Record<string, string>> = {
  'docs/ACEXY_INTEGRATION.md': 'acexy-guide.test.ts',
  'docs/SECURITY.md': 'documents-vpn.test.ts',
  'docs/TROUBLESHOOTING.md': 'documents-vpn.test.ts',
  'docs/VPN.md': 'documents-vpn.test.ts',
}

/** Declares the tests of the documents that one file follows. */
export function followDocuments(file: string): void {
  setDefaultTimeout(240_000)
  let machine: Machine
  let terminal: Terminal | undefined

  beforeAll(async () => {
    machine = await openMachineForDocuments()
  }, 240_000)
  afterEach(async () => {
    await terminal?.close()
    await machine.clear()
    await removeMadeFiles(machine)
  })
  afterAll(() => machine?.close())

  test.each(Object.entries(FOLLOWED).filter(([, { in: own }]) => own === file))(
    '%s does what it says',
    async (path, { before = {}, instead = {} }) => {
      const { folder } = machine
      // A step that fails in the middle of a block ends the shell, and with it the test.
      const shell = machine.command(['sh', '-eu'], join(folder, 'work'))
      terminal = new Terminal(folder, machine.environment, shell)
      const supposed = new Map(Object.entries(before))
      for (const { heading, commands, shown } of stepsOf(withoutElsewhere(await read(path), instead))) {
        await terminal.run(supposed.get(heading) ?? '')
        supposed.delete(heading)
        const printed = await terminal.run(commands)
        const what = `${path}, ${heading}:\n${commands}\nprinted:\n${printed}`
        if (shown?.kind === 'text') expect(isAsShown(shown.text, printed), what).toBe(true)
        if (shown?.kind === 'json')
          expect(differences(JSON.parse(shown.text), JSON.parse(printed)), what).toEqual([])
      }
      expect([...supposed.keys()], 'headings that the document does not have').toEqual([])
    },
  )
}

/** The document with other commands in these blocks that are for elsewhere. Throws if it has no such block. */
function withoutElsewhere(markdown: string, instead: Readonly<Record<string, string>>): string {
  return Object.entries(instead).reduce((text, [block, commands]) => {
    const [before, after, ...more] = text.split(`\`\`\`sh ${ELSEWHERE}\n${block}\`\`\``)
    if (after === undefined || more.length > 0) throw new Error(`not one block is: ${block}`)
    return `${before}\`\`\`sh\n${commands}\`\`\`${after}`
  }, markdown)
}
