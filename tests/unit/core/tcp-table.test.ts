import { describe, expect, test } from 'bun:test'
import { peersAt } from '../../../src/core/viewers/tcp-table.ts'

/* Recorded texts: an engine on Docker's bridge (Linux 6), the messages of GNU grep and busybox, and parts of them. */

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     '
const HEAD_6 =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const LISTEN =
  '   2: 00000000:1ADE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 123668 1 000000006e820c8b 100 0 0 10 0                    '
const ENDED =
  '   5: 020011AC:1ADE 010011AC:94F6 06 00000000:00000000 03:000015DA 00000000     0        0 0 3 0000000005d42830                                      '
const VIEWER =
  '   7: 020011AC:1ADE 010011AC:9516 01 00000000:00000000 00:00000000 00000000     0        0 123701 2 000000006fa509f6 20 4 30 179 -1                  '
/** A peer-to-peer connection to an HTTP port on the other side. */
const OUTGOING =
  '   8: 020011AC:C001 05060708:1ADE 01 00000000:00000000 00:00000000 00000000     0        0 123702 2 0000000000000000 20 4 30 10 -1'
const OTHER_PORT =
  '   9: 020011AC:21AD 05060708:C002 01 00000000:00000000 00:00000000 00000000     0        0 123703 2 0000000000000000 20 4 30 10 -1'
const MAPPED =
  '   1: 0000000000000000FFFF0000020011AC:1ADE 0000000000000000FFFF00006401A8C0:EA60 01 00000000:00000000 00:00000000 00000000     0        0 77 2 0000000000000000 20 4 30 10 -1'
const IPV6 =
  '   0: B80D0120000000000000000002000000:1ADE B80D0120000000000000000001000000:D431 01 00000000:00000000 00:00000000 00000000     0        0 78 1 0000000000000000 20 4 30 10 -1'

const PORT = 0x1ade

const sound = (...lines: readonly string[]) => ({
  text: [...lines, ''].join('\n'),
  isCut: false,
  isSound: true,
})

describe('who is connected to a port', () => {
  test.each([
    ['nobody where it only listens, or a connection has ended', [HEAD, LISTEN, ENDED, HEAD_6], []],
    ['a viewer', [HEAD, LISTEN, ENDED, VIEWER, HEAD_6], ['172.17.0.1:38166']],
    ['nobody whose own port it is, nor one at another port', [HEAD, OUTGOING, OTHER_PORT, HEAD_6], []],
    ['one who came by IPv4 to a socket of IPv6', [HEAD, HEAD_6, MAPPED], ['192.168.1.100:60000']],
    ['one who came by IPv6', [HEAD, HEAD_6, IPV6], ['[2001:db8:0:0:0:0:0:1]:54321']],
    ['all of them', [HEAD, VIEWER, HEAD_6, MAPPED], ['172.17.0.1:38166', '192.168.1.100:60000']],
    [
      'words of a dynamic linker aside',
      ['ERROR: ld.so: object …', HEAD, VIEWER, HEAD_6],
      ['172.17.0.1:38166'],
    ],
  ])('%s', (_, lines, peers) => {
    expect(peersAt(PORT, sound(...lines))).toEqual({ peers, isWhole: true })
  })

  test.each([
    ['GNU grep', 'grep: /proc/net/tcp6: No such file or directory'],
    ['GNU cat', 'cat: /proc/net/tcp6: No such file or directory'],
    ['busybox', "cat: can't open '/proc/net/tcp6': No such file or directory"],
  ])('is known without the second table where the kernel has no IPv6, as %s says', (_, words) => {
    const table = { ...sound(HEAD, VIEWER, words), isSound: false }
    expect(peersAt(PORT, table)).toEqual({ peers: ['172.17.0.1:38166'], isWhole: true })
  })
})

describe('what is not known', () => {
  test.each([
    ['nothing', ''],
    [
      'that there is no such command',
      'OCI runtime exec failed: exec: "grep": executable file not found in $PATH',
    ],
    ['that it may not', 'grep: /proc/net/tcp: Permission denied\ngrep: /proc/net/tcp6: Permission denied\n'],
    ['the second table alone', `${HEAD_6}\n${MAPPED}\n`],
  ])('a command that says %s tells nothing', (_, text) => {
    expect(peersAt(PORT, { text, isCut: false, isSound: false })).toBeNull()
  })

  test.each([
    ['more was written than is kept', { ...sound(HEAD, VIEWER, HEAD_6), isCut: true }],
    ['the second table is missing', sound(HEAD, VIEWER)],
    [
      'the second table may not be read',
      { ...sound(HEAD, VIEWER, 'cat: /proc/net/tcp6: Permission denied'), isSound: false },
    ],
    ['the command was killed on the way', { ...sound(HEAD, VIEWER, HEAD_6), isSound: false }],
    ['a line breaks off', sound(HEAD, VIEWER, LISTEN.slice(0, 20), HEAD_6)],
    ['a line is of another kind', sound(HEAD, VIEWER, '   9: nonsense', HEAD_6)],
  ])('where %s, who is named is connected, and others may be', (_, table) => {
    expect(peersAt(PORT, table)).toEqual({ peers: ['172.17.0.1:38166'], isWhole: false })
  })
})
