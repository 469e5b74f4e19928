import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { RequireKey } from './auth.ts'
import { InvalidProblem, Problem } from './problems.ts'
import { answerOf, Container, LabelledContainer, Text } from './schemas.ts'
import { LabelValue, Name } from './texts.ts'

const Deleted = Type.Object(
  { deleted: Text('Id of the removed container') },
  { title: 'DeletedContainer', description: 'The id of the removed container' },
)
const Shown = answerOf(Container, 'The container')
const Labelled = Type.Array(LabelledContainer, { description: 'Our containers with that label' })

/** What these routes need. Its functions ask Docker, and touch only our own containers. */
export interface Containers {
  show(idOrName: string): Promise<Static<typeof Shown>>
  remove(idOrName: string): Promise<string>
  byLabel(key: string, value: string): Promise<Static<typeof Labelled>>
}

const Id = Type.Object({ id: Name('Container id (whole, or 12 characters of it and more) or name') })

export const containerRoutes = (containers: Containers, requireKey: RequireKey) =>
  new Elysia({ name: 'routes.containers', tags: ['containers'] })
    .get('/containers/:id', ({ params }) => containers.show(params.id), {
      params: Id,
      response: { 200: Shown, 404: Problem, 422: InvalidProblem, 503: Problem },
      detail: {
        operationId: 'getContainer',
        summary: 'Shows one of our containers as Docker sees it.',
        description:
          'It asks Docker, and knows engines and generic containers. Containers of others are not found.',
      },
    })
    .delete('/containers/:id', async ({ params }) => ({ deleted: await containers.remove(params.id) }), {
      params: Id,
      response: { 200: Deleted, 401: Problem, 403: Problem, 404: Problem, 422: InvalidProblem, 503: Problem },
      detail: {
        operationId: 'deleteContainer',
        summary: 'Removes one of our containers at once, with the streams it serves.',
        description: 'To wait until its viewers have gone, drain the engine instead.',
      },
    })
    .get('/by-label', ({ query }) => containers.byLabel(query.key, query.value), {
      // The answer shows labels, so it needs the key. The key is checked before the query is validated.
      transform: requireKey,
      query: Type.Object({ key: Name('Name of the label'), value: LabelValue('Value of the label') }),
      response: { 200: Labelled, 401: Problem, 403: Problem, 422: InvalidProblem, 503: Problem },
      detail: {
        operationId: 'listByLabel',
        summary: 'Lists our containers, engines and others, with a label.',
        description: 'It asks Docker. The answer shows labels, so it needs the key although it only reads.',
      },
    })
