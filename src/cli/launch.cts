#!/usr/bin/env node
/**
 * The program `tidemill`. It gives Node's thread pool more than the default four threads before anything uses the
 * pool: flushes of the log and ClickHouse queries share it, and four slow queries must not block every append. Only a
 * CommonJS file runs early enough, because the loader of ES modules already reads through the pool.
 */
process.env['UV_THREADPOOL_SIZE'] ??= '16'
void import('../main.js')
