import { describe, expect, test } from 'bun:test'
import { isSameImage } from '../../../src/core/engines/image.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

describe('two references', () => {
  test.each([
    ['name', 'name:latest'],
    ['name', 'docker.io/library/name:latest'],
    ['name', 'docker.io/name'],
    ['name:1', 'index.docker.io/library/name:1'],
    ['library/name', 'name'],
    ['user/name', 'docker.io/user/name:latest'],
    ['ghcr.io/user/name', 'ghcr.io/user/name:latest'],
    ['localhost/name', 'localhost/name:latest'],
    ['localhost:5000/name:2', 'localhost:5000/name:2'],
    [`name@${DIGEST}`, `docker.io/library/name@${DIGEST}`],
    [`name:1@${DIGEST}`, `name:2@${DIGEST}`],
    [DIGEST, 'a'.repeat(64)],
  ])('%s and %s name one image', (one, other) => {
    expect(isSameImage(one, other)).toBe(true)
    expect(isSameImage(other, one)).toBe(true)
  })

  test.each([
    ['name', 'name:1'],
    ['name', 'user/name'],
    ['name', 'ghcr.io/name'],
    ['name', 'ghcr.io/library/name'],
    ['user/name', 'ghcr.io/user/name'],
    ['name', 'localhost/name'],
    ['name', `name@${DIGEST}`],
    [`name@${DIGEST}`, `other@${DIGEST}`],
    ['name', DIGEST],
    // The beginning of an id looks like a name.
    ['name', 'aaaaaaaaaaaa'],
    ['localhost:5000/name', 'localhost:5001/name'],
    ['a.b/name', 'docker.io/a.b/name'],
    ['Docker.io/name', 'name'],
  ])('%s and %s name two', (one, other) => {
    expect(isSameImage(one, other)).toBe(false)
    expect(isSameImage(other, one)).toBe(false)
  })
})
