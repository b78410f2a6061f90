/** Names that people can read out to each other, for tunnels that ask for none. */

const FIRST: readonly string[] =
  "amber bold brave bright brisk calm clear clever cosy crisp dapper eager early fair fancy fast fine fond fresh gentle glad golden grand green happy hazel humble jolly keen kind late light lively lucky mellow merry mild misty neat nimble noble proud quick quiet rapid ready rosy royal sandy sharp shiny silent silver simple smart snowy solid spry steady still sunny sweet swift tidy tiny vivid warm wild wise witty young"
    .split(" ");
const SECOND: readonly string[] =
  "acorn anchor aspen badger basin beacon birch breeze bridge brook canyon cedar cliff cloud comet coral cove crane creek delta dune eagle ember falcon fern field finch fjord forest fox garden glade grove harbor hawk heron hill island lagoon lake lark lynx maple marsh meadow mesa moon moss oak ocean orchid otter owl peak pebble pine pond prairie rain raven reef ridge river robin sail shore sky sparrow spring spruce star stone storm stream summit swan thicket tide trail valley wave willow wind wolf wren"
    .split(" ");
const NUMBERS = 10_000;

/** A label such as `brave-otter-4821`; one of more than fifty million. */
export function randomLabel(random: () => number): string {
  const one = (words: readonly string[]) => words[Math.floor(random() * words.length)] ?? "";
  return `${one(FIRST)}-${one(SECOND)}-${Math.floor(random() * NUMBERS)}`;
}
