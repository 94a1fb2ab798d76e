// usage: node run.mjs CLIENT:FORMAT CLIENT:FORMAT URL URL
// Runs every scenario with the first client at the first URL and the second at the second, then the other way round.
import { scenarios } from "./scenarios.mjs";

const [first, second, url1, url2] = process.argv.slice(2);
const open = async (spec, url) => {
  const [name, format] = spec.split(":");
  return (await import(`./${name}.mjs`)).open(url, format);
};

let failed = 0;
const limit = setTimeout(() => {
  console.log("not ok - the scenarios hang");
  process.exit(1);
}, 120_000);
for (const [specA, specB] of [[first, second], [second, first]]) {
  const a = await open(specA, url1);
  const b = await open(specB, url2);
  for (const [i, [title, scenario]] of Object.entries(scenarios).entries()) {
    const prefix = `js.${specA}.${specB}.${process.pid}.${i}.`.replaceAll(":", "_");
    try {
      await scenario(a, b, prefix);
      console.log(`ok - ${specA} with ${specB}: ${title}`);
    } catch (e) {
      failed++;
      console.log(`not ok - ${specA} with ${specB}: ${title}: ${e.stack ?? JSON.stringify(e)}`);
    }
  }
  await Promise.all([a.close(), b.close()]);
}
clearTimeout(limit);
process.exit(failed ? 1 : 0);
