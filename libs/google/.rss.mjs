import { readFileSync } from 'node:fs';
const rss=()=>{global.gc?.();return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status','utf8'))[1])/1024)};
const anon=()=>Math.round(Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status','utf8'))[1])/1024);
const mods=process.argv.slice(2); console.log('base',rss(),anon());
for(const m of mods){const t=performance.now();await import(m);console.log(m.padEnd(50),rss(),anon(),process.memoryUsage().heapUsed>>20,process.memoryUsage().external>>20,Math.round(performance.now()-t)+'ms')}
