import { describe, expect, test } from 'bun:test'
import { recipeFor, recipeNames, recipeOf } from '../../../src/core/engines/recipe-choice.ts'
import { recipeFacts } from '../../../src/core/engines/recipe-facts.ts'
import { RECIPES, VARIABLES } from '../../../src/core/engines/recipes.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

describe('the recipe of an image', () => {
  test.each([
    ['ghcr.io/krinkuto11/acestream-http-proxy:latest', 'http-proxy'],
    ['martinbjeldbak/acestream-http-proxy', 'martinbjeldbak'],
    ['ghcr.io/martinbjeldbak/acestream-http-proxy:v1.2.3', 'martinbjeldbak'],
    ['jopsis/acestream:x64', 'jopsis-x64'],
    ['jopsis/acestream:x64-3.2.11', 'jopsis-x64'],
    ['jopsis/acestream', 'aceserve'],
    ['jopsis/acestream:arm64-v3.2.14', 'aceserve'],
    ['jopsis/aceserve:latest', 'aceserve'],
    ['ghcr.io/krinkuto11/aceserve:latest', 'aceserve'],
    ['krinkuto11/acestream:latest-amd64', 'aceserve'],
    ['ghcr.io/krinkuto11/nano-ace:3.2.11-py3.10', 'nano-ace'],
    ['wafy80/acestream', 'start-engine'],
    ['blaiseio/acelink', 'engine-arguments'],
    ['magnetikonline/acestream-server:3.1.74', 'engine-arguments'],
    ['jackwzh/acestream-server', 'engine-arguments'],
    ['vstavrinov/acestream-engine', 'vstavrinov'],
    ['ghcr.io/trexx/docker-acestream-engine', 'trexx'],
    ['pabsi/acestream-server', 'pabsi'],
    ['smarquezp/docker-acestream-ubuntu-home:latest', 'ubuntu-home'],
    ['futebas/acestream-engine-arm:3.2.7.6', 'arm-conf'],
    ['danielchc/acestream-arm', 'arm-conf'],
    ['acestream/engine:latest', 'acestream-engine'],
  ])('%s is %s', (image, name) => {
    expect(recipeFor(image)?.name).toBe(name)
  })

  test.each([
    ['docker.io/jopsis/aceserve', 'aceserve'],
    ['registry.lan:5000/jopsis/acestream:x64', 'jopsis-x64'],
    ['localhost/mirror/docker.io/jopsis/acestream:x64', 'jopsis-x64'],
    [`jopsis/acestream:x64@${DIGEST}`, 'jopsis-x64'],
    [`ghcr.io/krinkuto11/acestream-http-proxy@${DIGEST}`, 'http-proxy'],
  ])('is found whatever stands before and behind its name: %s', (image, name) => {
    expect(recipeFor(image)?.name).toBe(name)
  })

  test.each([
    'engine:1',
    'acestream-http-proxy',
    'me/acestream-http-proxy',
    'notkrinkuto11/acestream-http-proxy',
    'krinkuto11/acestream-http-proxy-fork',
    'aceserve/jopsis',
    DIGEST,
  ])('is unknown for %s, which gets all variables', (image) => {
    expect(recipeFor(image)).toBeNull()
    expect(recipeOf('auto', image)).toBe(VARIABLES)
  })

  test('is the one that was chosen, or none', () => {
    expect(recipeOf('start-engine', 'engine:1')?.name).toBe('start-engine')
    expect(recipeOf('none', 'jopsis/aceserve')).toBeNull()
  })
})

describe('the table', () => {
  test('has each name once, and offers those that serve', () => {
    const names = RECIPES.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !recipeNames().includes(name))).toEqual(['arm-conf', 'acestream-engine'])
  })

  test.each(RECIPES.filter(({ unservable }) => unservable === null))(
    '$name sets the ports that it says, and gives the limit of a cache that is limited',
    ({ command, env, ports, cache }) => {
      const sent = [...(command ?? []), ...Object.values(env)].join(' ')
      for (const port of ports) expect(sent).toContain(`{${port}_port}`)
      expect(ports).toContain('http')
      if (cache.bound === 'flag') expect(sent).toContain('{cache_gb}')
      if (command !== null) expect(sent).toContain('--bind-all')
      const placeholders = sent.match(/\{[^}]*\}/g) ?? []
      expect(
        placeholders.filter(
          (each) => !/^\{(?:(?:http|https|api|p2p)_port|http_port\+1|cache_gb)\}$/.test(each),
        ),
      ).toEqual([])
    },
  )

  test('is told in words: what is sent, or why an image cannot be served', () => {
    const facts = (name: string) => Object.fromEntries(recipeFacts(recipeOf(name, '') ?? VARIABLES))
    expect(facts('jopsis-x64')).toMatchObject({
      images: 'jopsis/acestream:x64*',
      variables: expect.stringContaining("ACESTREAM_ARGS='--client-console"),
      cache:
        'limited by ENGINE_CACHE_LIMIT, in /acestream/.ACEStream/.acestream_cache, emptied when the engine falls idle',
    })
    expect(facts('nano-ace').cache).not.toContain('emptied')
    expect(facts('arm-conf')).toMatchObject({ 'cannot be served': expect.stringContaining('acestream.conf') })
    expect(facts('arm-conf')).not.toHaveProperty('variables')
  })
})
