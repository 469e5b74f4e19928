import { describe, expect, test } from 'bun:test'
import { parseDockerHost } from '../../../src/runtime/docker-connection.ts'
import { dockerRuntimeAt } from '../../support/docker.ts'
import { httpAnswer, PONG, rawDaemon } from '../../support/fake-daemon.ts'
import { failureOf } from '../../support/runtime-contract.ts'

describe('DOCKER_HOST', () => {
  test.each([
    [null, { kind: 'unix', path: '/var/run/docker.sock' }],
    ['', { kind: 'unix', path: '/var/run/docker.sock' }],
    ['unix://', { kind: 'unix', path: '/var/run/docker.sock' }],
    ['unix:///run/user/1000/docker.sock', { kind: 'unix', path: '/run/user/1000/docker.sock' }],
    ['/run/docker.sock', { kind: 'unix', path: '/run/docker.sock' }],
    ['tcp://proxy:2376', { kind: 'tcp', host: 'proxy', port: 2376 }],
    ['tcp://proxy', { kind: 'tcp', host: 'proxy', port: 2375 }],
    ['tcp://[::1]:2375', { kind: 'tcp', host: '[::1]', port: 2375 }],
    ['http://10.0.0.1:80', { kind: 'tcp', host: '10.0.0.1' }],
  ])('%p is understood', (dockerHost, address) => {
    expect(parseDockerHost(dockerHost)).toMatchObject(address)
  })

  test.each(['ssh://root@host', 'npipe:////./pipe/docker', 'docker', 'tcp://', 'https://host'])(
    '%p is refused',
    (text) => {
      expect(() => parseDockerHost(text)).toThrow(text)
    },
  )
})

describe('the words of Docker become', () => {
  const id = 'f'.repeat(64)
  const endpoint = `driver failed programming external connectivity on endpoint a (${id})`
  const networking = `failed to set up container networking: ${endpoint}: failed to bind host port`
  const oci =
    'failed to create shim task: OCI runtime create failed: runc create failed: ' +
    'unable to start container process'
  const forbidden = 'An attempt was made to access a socket in a way forbidden by its access permissions.'
  const taken =
    `Conflict. The container name "/acestream-1" is already in use by container "${id}". ` +
    'You have to remove (or rename) that container to be able to reuse that name.'
  test.each([
    [404, 'No such image: nope/none:1', 'image_missing', 'docker pull nope/none:1'],
    [409, taken, 'conflict', 'acestream-1'],
    [
      500,
      `${endpoint}: Bind for 127.0.0.1:18100 failed: port is already allocated`,
      'port_taken',
      '127.0.0.1:18100',
    ],
    [
      500,
      `${endpoint}: Error starting userland proxy: listen tcp4 127.0.0.1:18101: bind: address already in use`,
      'port_taken',
      '127.0.0.1:18101',
    ],
    [500, `${networking} for 0.0.0.0:18102:172.17.0.2:80/tcp: address already in use`, 'port_taken', '18102'],
    [500, `${networking} 0.0.0.0:18103/tcp: address already in use`, 'port_taken', '18103'],
    [500, `${networking} for 0.0.0.0:18104:172.17.0.2:80/tcp: permission denied`, 'port_taken', '18104'],
    // Docker Desktop on Windows: versions 2 to 4.
    [
      500,
      `Ports are not available: listen tcp 0.0.0.0:18105: bind: ${forbidden}`,
      'port_taken',
      '0.0.0.0:18105',
    ],
    [
      500,
      `Ports are not available: exposing port TCP 0.0.0.0:18106 -> 127.0.0.1:0: listen tcp 0.0.0.0:18106: bind: ${forbidden}`,
      'port_taken',
      '0.0.0.0:18106',
    ],
    [
      500,
      'Ports are not available: exposing port UDP 0.0.0.0:18107 -> 127.0.0.1:0: listen udp 0.0.0.0:18107: bind: ' +
        'Only one usage of each socket address (protocol/network address/port) is normally permitted.',
      'port_taken',
      '0.0.0.0:18107',
    ],
    [
      500,
      'ports are not available: exposing port TCP 0.0.0.0:18108 /forwards/expose returned unexpected status: 500',
      'port_taken',
      'TCP 0.0.0.0:18108',
    ],
    [
      500,
      `${endpoint}: Error starting userland proxy: Bind for 0.0.0.0:18109: unexpected error Permission denied`,
      'port_taken',
      '0.0.0.0:18109',
    ],
    [
      500,
      `${endpoint}: Error starting userland proxy: mkdir /port/tcp:0.0.0.0:18110:tcp:172.17.0.2:80: input/output error`,
      'port_taken',
      '0.0.0.0:18110',
    ],
    // Docker Desktop on macOS, and rootless Docker.
    [
      500,
      'Ports are not available: exposing port TCP 0.0.0.0:18111 -> 127.0.0.1:0: listen tcp 0.0.0.0:18111: bind: ' +
        'address already in use',
      'port_taken',
      '0.0.0.0:18111',
    ],
    [
      500,
      `${endpoint}: Error starting userland proxy: error while calling PortManager.AddPort(): cannot expose ` +
        "privileged port 812, you can add 'net.ipv4.ip_unprivileged_port_start=812' to /etc/sysctl.conf: " +
        'listen tcp 0.0.0.0:812: bind: permission denied',
      'port_taken',
      '0.0.0.0:812',
    ],
    [
      500,
      `${endpoint}: Error starting userland proxy: listen tcp4 10.0.0.9:18112: bind: cannot assign requested address`,
      'refused',
      'does not have the address 10.0.0.9 (cannot assign requested address): set PUBLISH_ADDRESS',
    ],
    [
      500,
      `${endpoint}: failed to bind host port 10.0.0.9:18112/tcp: cannot assign requested address`,
      'refused',
      'the address 10.0.0.9 (',
    ],
    [
      500,
      `${endpoint}: failed to bind host port for [2001:db8::9]:18112:172.17.0.2:80/tcp: cannot assign requested address`,
      'refused',
      'the address [2001:db8::9] (',
    ],
    [500, 'cannot assign requested address', 'refused', 'that ports are to be published on (cannot assign'],
    [
      500,
      "Ports are not available: exposing port TCP 10.0.0.9:18113 -> 127.0.0.1:0: listen tcp 10.0.0.9:18113: bind: can't assign requested address",
      'refused',
      'the address 10.0.0.9 (',
    ],
    [404, 'No such container: abc', 'not_found', 'There is no container abc.'],
    [404, 'No such container: gluetun', 'no_network_container', 'gluetun, whose network is to be joined'],
    [409, `cannot join network of a non running container: ${id}`, 'no_network_container', 'start it first'],
    [
      409,
      `cannot join network namespace of a non running container: container /gluetun is exited`,
      'no_network_container',
      'start it first',
    ],
    [
      409,
      `Container ${id} is restarting, wait until the container is running`,
      'no_network_container',
      'is restarting',
    ],
    [404, 'network media not found', 'refused', 'docker network create media'],
    [
      400,
      'conflicting options: port publishing and the container type network mode',
      'refused',
      'conflicting options',
    ],
    [400, `${oci}: exec: "/nope": stat /nope: no such file or directory: unknown`, 'unrunnable', '"/nope"'],
    [400, `${oci}: exec: "nope": executable file not found in $PATH: unknown`, 'unrunnable', '"nope"'],
    [400, `${oci}: error during container init: exec /tiny: exec format error`, 'unrunnable', 'architecture'],
    [400, `${oci}: exec: "/tiny": exec format error: unknown`, 'unrunnable', 'architecture'],
    [400, `${oci}: exec: "/app": is a directory: permission denied: unknown`, 'unrunnable', '"/app"'],
    [400, `${oci}: exec: "/iptables failed": permission denied: unknown`, 'unrunnable', '"/iptables failed"'],
    [
      500,
      `${oci}: error mounting "/a" to rootfs at "/b": not a directory: unknown`,
      'unrunnable',
      'not a directory',
    ],
    // The firewall of the host: firewalld and scripts that empty the tables, kernels without a table, Docker 28.
    [
      500,
      `${endpoint}: (iptables failed: iptables --wait -t nat -A DOCKER -p tcp -d 0/0 --dport 18114 -j DNAT ` +
        '--to-destination 172.17.0.2:80 ! -i docker0: iptables: No chain/target/match by that name. (exit status 1))',
      'refused',
      'restart Docker',
    ],
    [
      500,
      `${endpoint}: Unable to enable DIRECT ACCESS FILTERING - DROP rule: (iptables failed: iptables --wait -t raw -A ` +
        "PREROUTING -p tcp -d 172.17.0.2 --dport 80 ! -i docker0 -j DROP: iptables v1.8.9 (legacy): can't initialize " +
        "iptables table `raw': Table does not exist (do you need to insmod?) (exit status 3))",
      'refused',
      'firewall',
    ],
    [500, "iptables v1.8.7 (nf_tables): Chain 'DOCKER' does not exist", 'refused', 'firewall'],
    [500, `${endpoint}: COMMAND_FAILED: INVALID_ZONE: docker`, 'refused', 'firewall'],
    // The network of the host.
    [
      500,
      'failed to create endpoint a on network bridge: failed to add the host (veth9754872) <=> sandbox (veth6a875bb) pair ' +
        'interfaces: operation not supported',
      'refused',
      'restart the host',
    ],
    [
      500,
      'failed to create endpoint a on network bridge: adding interface veth1 to bridge docker0 failed: could not find ' +
        'bridge docker0: route ip+net: no such network interface',
      'refused',
      'restart the host',
    ],
    [
      403,
      `no available IPv4 addresses on this network's address pools: media (${id})`,
      'refused',
      'unused networks',
    ],
    [
      500,
      'could not find an available, non-overlapping IPv4 address pool among the defaults',
      'refused',
      'address',
    ],
    // What the host lacks.
    [500, 'mkdir /var/lib/docker/overlay2/a: no space left on device', 'refused', 'no room'],
    [
      500,
      `${oci}: fork/exec /proc/self/exe: resource temporarily unavailable: unknown`,
      'refused',
      'short of',
    ],
    [
      500,
      `${oci}: error setting cgroup config for procHooks process: cannot allocate memory`,
      'refused',
      'short of',
    ],
    [
      500,
      `${oci}: error setting rlimit type 7: operation not permitted: unknown`,
      'refused',
      'limits or rights',
    ],
    [
      500,
      `${oci}: apparmor failed to apply profile: no such file or directory: unknown`,
      'refused',
      'rights',
    ],
    // Ports of Docker Desktop 1 to 4.
    [
      500,
      `${endpoint}: Error starting userland proxy: Bind for 0.0.0.0:18115: unexpected error (Failure EADDRINUSE).`,
      'port_taken',
      '18115',
    ],
    [
      500,
      'Ports are not available: exposing port TCP 0.0.0.0:18116 -> 0.0.0.0:0: listen tcp 0.0.0.0:18116: bind: An attempt ' +
        'was made to use a port in a state that does not allow its use.',
      'port_taken',
      '0.0.0.0:18116',
    ],
    [
      500,
      'Ports are not available: exposing port UDP 127.0.0.1:18117 -> 0.0.0.0:0: command failed',
      'port_taken',
      '18117',
    ],
    [
      500,
      'Ports are not available: exposing port TCP 127.0.0.1:80 -> 0.0.0.0:0: failed to connect to ' +
        '/var/run/com.docker.vmnetd.sock: is vmnetd running?: dial unix /var/run/com.docker.vmnetd.sock: connect: ' +
        'connection refused',
      'port_taken',
      'vmnetd',
    ],
    // Podman 4.3 (measured), and its older words.
    [
      404,
      'no such image: docker.io/nope/none:1: image not known',
      'image_missing',
      'docker pull docker.io/nope/none:1',
    ],
    [
      404,
      'failed to find image nope:1: docker.io/library/nope:1: No such image',
      'image_missing',
      'docker pull nope:1',
    ],
    [404, 'nope/none:1: image not known', 'image_missing', 'docker pull nope/none:1'],
    [
      500,
      'container create: creating container storage: the container name "one" is already in use by ' +
        `${id}. You have to remove that container to be able to reuse that name: that name is already in use`,
      'conflict',
      'the name one',
    ],
    [
      409,
      'error creating container: name "acestream-2" is in use: container already exists',
      'conflict',
      'the name acestream-2',
    ],
    [
      500,
      'cannot listen on the TCP port: listen tcp4 :18118: bind: address already in use',
      'port_taken',
      ':18118',
    ],
    [
      404,
      'no container with name or ID "abc" found: no such container',
      'not_found',
      'There is no container abc.',
    ],
    [
      500,
      'container create: looking up container to share net namespace with: no container with name or ID "gluetun" found: ' +
        'no such container',
      'no_network_container',
      'gluetun, whose network is to be joined',
    ],
    [
      500,
      'container create: unable to find network with name or ID media: network not found',
      'refused',
      'docker network create media',
    ],
    [
      500,
      'runc: time="2026-11-29T01:37:45Z" level=error msg="runc create failed: unable to start container process: exec: ' +
        '\\"/nope\\": stat /nope: no such file or directory": OCI runtime attempted to invoke a command that was not found',
      'unrunnable',
      '"/nope"',
    ],
    [
      500,
      'container create: container-init binary not found on the host: stat /usr/libexec/podman/catatonit: no such file',
      'refused',
      'install catatonit',
    ],
    [
      500,
      `container ${id} does not exist in database: no such container`,
      'refused',
      'does not exist in database',
    ],
    [400, 'Minimum memory limit allowed is 6MB', 'refused', 'Minimum memory limit allowed is 6MB'],
    [403, '', 'refused', 'HTTP 403'],
    [500, 'first line\nsecond line', 'refused', 'first line'],
    [503, 'no server is available', 'unreachable', 'HTTP 503'],
    [500, 'context deadline exceeded', 'unreachable', 'in place of Docker'],
  ] as const)('%d %p: %s', async (status, words, code, part) => {
    using daemon = rawDaemon((wire) => wire.send(httpAnswer(status, { message: words })))
    const failure = await failureOf(code, dockerRuntimeAt(daemon.dockerHost).start('abc'))
    expect(failure.message).toContain(part)
    expect(failure.message).not.toContain('\n')
    expect(failure.effect).toBe(code === 'unreachable' ? 'unknown' : 'none')
    expect(failure.cause).toBeInstanceOf(Error)
  })

  test('no_network_container where a container cannot be created for want of the one whose network it joins', async () => {
    using daemon = rawDaemon((wire) => wire.send(httpAnswer(404, { message: 'No such container: gluetun' })))
    const place = {
      ports: [],
      publishAddress: '',
      network: 'container:gluetun',
      memoryBytes: null,
      cpus: null,
    }
    const spec = { name: 'acestream-1', image: 'engine:1', env: {}, labels: {}, ...place }
    const failure = await failureOf('no_network_container', dockerRuntimeAt(daemon.dockerHost).create(spec))
    expect(failure.message).toContain('gluetun, whose network is to be joined')
  })

  test('success where a container runs or is stopped already', async () => {
    using daemon = rawDaemon((wire) => wire.send('HTTP/1.1 304 Not Modified\r\n\r\n'))
    const runtime = dockerRuntimeAt(daemon.dockerHost)
    await runtime.start('abc')
    await runtime.stop('abc', 1)
    await failureOf('unreachable', runtime.ping())
  })

  test('a wait where a removal is under way, until the container is gone', async () => {
    const inProgress = { message: 'removal of container abc is already in progress' }
    const here = httpAnswer(200, { Id: 'abc' })
    const gone = httpAnswer(404, { message: 'No such container: abc' })
    const answers = [httpAnswer(409, inProgress), here, here, gone]
    using daemon = rawDaemon((wire) => wire.send(answers.shift() ?? here))
    await dockerRuntimeAt(daemon.dockerHost).destroy('abc')
    expect(answers).toEqual([])
  })

  test.each([
    'You cannot remove a running container abc. Stop the container before attempting removal or force remove',
    'cannot remove container "/abc": container is running: stop the container before removing or force remove',
  ])('a discard that is refused where the container runs: %s', async (message) => {
    using daemon = rawDaemon((wire) => wire.send(httpAnswer(409, { message })))
    const failure = await failureOf('refused', dockerRuntimeAt(daemon.dockerHost).discard('abc'))
    expect(failure.message).toBe(`Docker refused to remove container abc: ${message}`)
  })

  test('unreachable where a removal does not end within the deadline', async () => {
    using daemon = rawDaemon((wire) => wire.send(httpAnswer(200, { Id: 'abc' })))
    const runtime = dockerRuntimeAt(daemon.dockerHost, { destroy: 250 })
    expect((await failureOf('unreachable', runtime.destroy('abc'))).effect).toBe('unknown')
  })
})

test('a ping comes over a connection of its own, since a daemon that ends takes no new ones; other calls share one', async () => {
  using daemon = rawDaemon(({ send }, request) =>
    send(request.includes('_ping') ? PONG : httpAnswer(200, [])),
  )
  const runtime = dockerRuntimeAt(daemon.dockerHost)
  for (let time = 0; time < 3; time++) await runtime.list()
  expect(daemon.made()).toBe(1)
  for (let time = 0; time < 3; time++) await runtime.ping()
  expect(daemon.made()).toBe(4)
})
