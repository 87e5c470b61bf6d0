import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A Kafka broker for the tests of a class: `npx tusk start` on a free port, gone with the last test. */
final class TuskExtension implements BeforeAllCallback, AfterAllCallback {
  private Process broker;
  private String bootstrapServers;

  String bootstrapServers() {
    return bootstrapServers;
  }

  @Override
  public void beforeAll(ExtensionContext context) throws IOException {
    // Another command, such as a path to a checkout's own, may stand in the variable.
    String tusk = System.getenv().getOrDefault("TUSK", "npx --yes @tusk/cli");
    List<String> command = new ArrayList<>(List.of(tusk.split(" ")));
    command.addAll(List.of("start", "--storage", "memory", "--listen", "127.0.0.1:0", "--print-port"));
    broker = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String port = new BufferedReader(new InputStreamReader(broker.getInputStream())).readLine();
    if (port == null) throw new IOException("tusk does not start");
    bootstrapServers = "127.0.0.1:" + port;
  }

  @Override
  public void afterAll(ExtensionContext context) throws InterruptedException {
    broker.destroy();
    if (!broker.waitFor(20, TimeUnit.SECONDS)) broker.destroyForcibly();
  }
}
