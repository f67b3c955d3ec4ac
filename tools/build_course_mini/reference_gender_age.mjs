// Reads a JSON list of 112x112x3 pictures (0-255) from standard input and
// prints face-api's [female, male, age / 100] for each. The argument is the
// folder of the unpacked package.
import fs from "node:fs";

const folder = process.argv[2];
const pictures = JSON.parse(fs.readFileSync(0));

// The bundle is made for browsers: without `process` it does not try to be
// Node.js, and this platform replaces the browser's.
const node = globalThis.process;
globalThis.process = undefined;
const faceapi = await import(`${folder}/dist/face-api.esm.js`);
globalThis.process = node;
const tf = faceapi.tf;
tf.env().setPlatform("plain", {
  isTypedArray: (a) => ArrayBuffer.isView(a) && !(a instanceof DataView),
  now: () => performance.now(),
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes) => new TextDecoder().decode(bytes),
});
await tf.setBackend("cpu");

const model = `${folder}/model/age_gender_model`;
const manifest = JSON.parse(fs.readFileSync(`${model}-weights_manifest.json`));
const weights = new Uint8Array(fs.readFileSync(`${model}.bin`)).buffer;
const network = new faceapi.AgeGenderNet();
network.loadFromWeightMap(tf.io.decodeWeights(weights, manifest[0].weights));

const answers = pictures.map((picture) => {
  const input = new faceapi.NetInput([tf.tensor3d(picture)]);
  const { age, gender } = network.runNet(input);
  const [male, female] = tf.softmax(gender).dataSync();
  return [female, male, age.dataSync()[0] / 100];
});
console.log(JSON.stringify(answers));
