import { Database } from 'bun:sqlite'
import { connect } from '../../src/store/connection.ts'

const { client } = connect(new Database(':memory:', { strict: true }))

/** A database with the tables of this version and nothing in them, as the bytes of its file: all migrations take far longer. */
export const EMPTY_DATABASE: Uint8Array = client.serialize()

client.close()
