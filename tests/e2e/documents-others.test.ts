import { describe } from 'bun:test'
import { followDocuments } from '../support/followed.ts'

/* Types the commands of the other documents into a machine. tests/support/followed.ts has the table of documents. */

describe('followed', () => followDocuments('documents-others.test.ts'))
