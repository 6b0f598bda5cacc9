// Exit code 0 when the engine in this container answers the given path with success. Slim images have no curl.
const port = process.env['TIDEMILL_API_PORT'] ?? '8787'
const { ok } = await fetch(`http://127.0.0.1:${port}${process.argv[2] ?? '/livez'}`, {
  signal: AbortSignal.timeout(4_000),
}).catch(() => ({ ok: false }))
process.exit(ok ? 0 : 1)
