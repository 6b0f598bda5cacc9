import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/** Reads lines with a reader's schema, a writer's schema and bytes, and prints what Apache Avro makes of each. */
public class Resolve {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    for (String line = lines.readLine(); line != null; line = lines.readLine())
      System.out.println(JSON.writeValueAsString(result(JSON.readTree(line))));
  }

  private static JsonNode result(JsonNode given) {
    ObjectNode out = JSON.createObjectNode();
    try {
      Schema reader = parse(given.get("reader"));
      Schema writer = parse(given.get("writer"));
      byte[] bytes = HexFormat.of().parseHex(given.get("hex").asText());
      GenericRecord read = new GenericDatumReader<GenericRecord>(writer, reader)
          .read(null, DecoderFactory.get().binaryDecoder(bytes, null));
      ObjectNode value = out.putObject("value");
      for (Schema.Field field : reader.getFields())
        value.set(field.name(), JSON.valueToTree(plain(read.get(field.name()))));
    } catch (Exception error) {
      out.removeAll();
      out.put("error", String.valueOf(error.getMessage()).split("\n")[0]);
    }
    return out;
  }

  private static Schema parse(JsonNode schema) throws Exception {
    return new Schema.Parser().setValidateDefaults(false).parse(JSON.writeValueAsString(schema));
  }

  private static Object plain(Object value) {
    return value instanceof CharSequence || value instanceof org.apache.avro.generic.GenericEnumSymbol
        ? value.toString()
        : value;
  }
}
