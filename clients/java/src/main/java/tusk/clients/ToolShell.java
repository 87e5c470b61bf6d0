package tusk.clients;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Apache Kafka's command-line tools one after the other in one Java machine: a line of standard input is a main class
 * and its arguments, between tabs. Their output, both streams, is followed by a line of a form feed and the exit code.
 */
public final class ToolShell {
  private static final class Ended extends Error {
    Ended() {
      super(null, null, false, false);
    }
  }

  /** The tool that runs: its output, and what the first call of exit said; some tools catch what that throws, and go on. */
  private static final class Run {
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    final PrintStream capture = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    int code = -1;
    int length;

    void exit(int code, String message) {
      if (this.code < 0) {
        if (message != null) capture.println(message);
        this.code = code;
        this.length = bytes.size();
      }
      throw new Ended();
    }
  }

  private static Run run;

  public static void main(String[] args) throws Exception {
    PrintStream out = System.out;
    Exit.setExitProcedure((code, message) -> run.exit(code, message));
    Exit.setHaltProcedure((code, message) -> run.exit(code, message));
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words = line.split("\t", -1);
      run = new Run();
      System.setOut(run.capture);
      System.setErr(run.capture);
      try {
        String[] given = Arrays.copyOfRange(words, 1, words.length);
        Class.forName(words[0]).getMethod("main", String[].class).invoke(null, (Object) given);
        run.exit(0, null);
      } catch (Ended ended) {
        // its code is known
      } catch (InvocationTargetException thrown) {
        if (run.code < 0) {
          run.capture.println(thrown.getCause());
          run.code = 1;
          run.length = run.bytes.size();
        }
      }
      out.write(run.bytes.toByteArray(), 0, run.length);
      out.print("\n\f" + run.code + "\n");
      out.flush();
    }
  }
}
