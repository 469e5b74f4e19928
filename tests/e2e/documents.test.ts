import { describe } from 'bun:test'
import { followDocuments } from '../support/followed.ts'

/* Types the commands of docs/INSTALL.md, the longest document, into a machine. documents-others.test.ts has the others. */

describe('followed', () => followDocuments('documents.test.ts'))
