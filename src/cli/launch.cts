#!/usr/bin/env node
/**
 * The program `tidemill`. Gives Node's thread pool more threads than its usual four before anything uses it: flushes of
 * the log share it with ClickHouse queries, and four slow queries must not hold every append up. Only a CommonJS file
 * comes early enough: the loader of ES modules already reads through the pool.
 */
process.env['UV_THREADPOOL_SIZE'] ??= '16'
void import('../main.js')
