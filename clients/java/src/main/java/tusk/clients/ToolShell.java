package tusk.clients;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Apache Kafka's command-line tools one after the other in one Java machine: a line of standard input is a main class
 * and its arguments, between tabs. Their output, both streams, is followed by a line of a form feed and the exit code.
 */
public final class ToolShell {
  private static final class Ended extends RuntimeException {
    final int code;

    Ended(int code) {
      super(null, null, false, false);
      this.code = code;
    }
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = System.out;
    Exit.setExitProcedure((code, message) -> {
      if (message != null) System.out.println(message);
      throw new Ended(code);
    });
    Exit.setHaltProcedure((code, message) -> {
      throw new Ended(code);
    });
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words = line.split("\t", -1);
      String[] given = java.util.Arrays.copyOfRange(words, 1, words.length);
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      PrintStream capture = new PrintStream(bytes, true, StandardCharsets.UTF_8);
      System.setOut(capture);
      System.setErr(capture);
      int code = 0;
      try {
        Class.forName(words[0]).getMethod("main", String[].class).invoke(null, (Object) given);
      } catch (java.lang.reflect.InvocationTargetException thrown) {
        if (thrown.getCause() instanceof Ended ended) code = ended.code;
        else {
          code = 1;
          capture.println(thrown.getCause());
        }
      }
      capture.flush();
      out.write(bytes.toByteArray());
      out.print("\n\f" + code + "\n");
      out.flush();
    }
  }
}
