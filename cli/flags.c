/* The tables of flags, by what they are about.
 * A new flag is a row here and a member of struct cli_values. */
#include "options.h"

#define ROW(name_, letter_, value_, help_, kind_, member, ...)                                                         \
    {                                                                                                                  \
        .name = (name_), .letter = (letter_), .value = (value_), .help = (help_), .kind = (kind_),                     \
        .at = offsetof(struct cli_values, member), __VA_ARGS__                                                         \
    }
#define SWITCH(name, letter, help, member) ROW(name, letter, NULL, help, CLI_SWITCH, member, .low = 0)
#define TEXT(name, letter, value, help, member) ROW(name, letter, value, help, CLI_TEXT, member, .low = 0)
#define COUNT(name, letter, help, member, low_, high_)                                                                 \
    ROW(name, letter, "N", help, CLI_COUNT, member, .low = (low_), .high = (high_))
#define CHOICE(name, value, help, member, choices_) ROW(name, 0, value, help, CLI_CHOICE, member, .choices = (choices_))
#define END                                                                                                            \
    { 0 }

const struct cli_flag cli_common_flags[] = {
    {.help = "Common:"},
    SWITCH("quiet", 'q', "Warnings and errors alone", quiet),
    SWITCH("verbose", 'v', "Say more", verbose),
    CHOICE("log-format", "FORMAT", "text (default) or json, a line each, on stderr", log_format, "text|json"),
    END,
};

const struct cli_flag cli_model_flags[] = {
    {.help = "Model:"},
    TEXT("model", 'm', "MODEL", "A GGUF file, or a directory in the Hugging Face layout", model),
    CHOICE("dtype", "TYPE", "Arithmetic: auto (default: bf16 where the CPU has it, else f32), f32, bf16 or int8", dtype,
           "auto|f32|bf16|int8"),
    COUNT("threads", 'j', "Threads (default: as many as the process may use)", threads, 1, 4096),
    END,
};

const struct cli_flag cli_model_path_flags[] = {
    {.help = "Model:"},
    TEXT("model", 'm', "MODEL", "A directory in the Hugging Face layout", model),
    END,
};

const struct cli_flag cli_output_flags[] = {
    {.help = "Output:"},
    TEXT("output", 'o', "PATH", "Where the result goes", output),
    END,
};

const struct cli_flag cli_overwrite_flags[] = {
    SWITCH("overwrite", 0, "Replace what an earlier call with other settings left", overwrite),
    END,
};

const struct cli_flag cli_dry_run_flags[] = {
    SWITCH("dry-run", 0, "Print the plan, do nothing", dry_run),
    END,
};

const struct cli_flag cli_text_flags[] = {
    TEXT("text", 0, "COLUMN", "Column of the text (default: text)", text),
    COUNT("limit", 0, "At most so many documents in all", limit, 1, INT64_MAX),
    END,
};

const struct cli_flag cli_response_flags[] = {
    TEXT("prompt", 0, "COLUMN", "Column of the prompt: with --response, in place of --text; responses alone count",
         prompt),
    TEXT("response", 0, "COLUMN", "Column of the response, which follows the prompt", response),
    END,
};

const struct cli_flag cli_marker_flags[] = {
    ROW("step-marker", 0, "TEXT", "What ends a step of a response (default: \\n\\n, a blank line)", CLI_ESCAPED,
        step_marker, .low = 0),
    END,
};

const struct cli_flag cli_input_flags[] = {
    {.help = "Inputs:"},
    TEXT("text", 0, "COLUMN", "Column of the text (default: text)", text),
    TEXT("id", 0, "COLUMN", "Column of the id (default: id if there is one, else FILE:ROW)", id),
    TEXT("domain", 0, "COLUMN|=NAME|=FILE|=DIR",
         "Domain of a document (default: column domain if there is one, else all are one)", domain),
    TEXT("input-format", 0, "FORMAT", "parquet, jsonl, csv or text (default: by the file names)", input_format),
    TEXT("files-from", 0, "FILE", "Further inputs, a path a line; - is stdin", files_from),
    COUNT("limit", 0, "At most so many documents in all", limit, 1, INT64_MAX),
    END,
};

const struct cli_flag cli_probe_flags[] = {
    {.help = "Probe:"},
    COUNT("samples", 0, "Samples (default: 800)", samples, 1, 1000000),
    COUNT("probe-tokens", 0, "Tokens of a sample at most (default: 4096, or the model's context)", probe_tokens, 1,
          INT32_MAX),
    COUNT("shots", 0, "Worked examples in a prompt (default: 3)", shots, 0, 1000),
    TEXT("sentences", 0, "FILE", "Sentences to use as values, one a line (default: a built-in grammar)", sentences),
    TEXT("template", 0, "FILE", "Instruction and labels of the prompt (default: built-in ones)", template_path),
    CHOICE("language", "LANGUAGE", "Of the built-in sentences and labels: en (default) or es", language, "en|es"),
    END,
};

const struct cli_flag cli_seed_flags[] = {
    COUNT("seed", 0, "Seed of all random choices (default: 0)", seed, 0, INT64_MAX),
    END,
};

const struct cli_flag cli_probe_file_flags[] = {
    ROW("probe", 0, "FILE", "What headsift probe wrote", CLI_TEXT, probe, .exclusive = 2),
    END,
};

const struct cli_flag cli_heads_flags[] = {
    {.help = "Heads:"},
    CHOICE("method", "METHOD", "retrieval (default) or ablation", method, "retrieval|ablation"),
    CHOICE("decode", "HOW", "auto (default), greedy or teacher", decode, "auto|greedy|teacher"),
    ROW("top-heads", 0, "F|N", "Share (0.05, the default) or number (14) of heads to choose", CLI_AMOUNT, top_heads,
        .low = 1, .high = INT32_MAX),
    ROW("settle", 0, "F",
        "Stop once the top heads are settled: resampled top sets share F (0.95 where no value is given) of them",
        CLI_SHARE, settle, .alone = "0.95"),
    END,
};

const struct cli_flag cli_find_flags[] = {
    SWITCH("keep-noise", 0, "A ranking that would be noise is written and marked, not refused", keep_noise),
    TEXT("from", 0, "FILE", "Instead of a search: choose by the scores of this file, of ours or of Retrieval_Head",
         from),
    END,
};

const struct cli_flag cli_top_heads_flags[] = {
    {.help = "Heads:"},
    ROW("top-heads", 0, "F|N", "Share (0.05, the default) or number (14) of each file's best heads to compare",
        CLI_AMOUNT, top_heads, .low = 1, .high = INT32_MAX),
    END,
};

const struct cli_flag cli_heads_file_flags[] = {
    TEXT("heads", 0, "FILE", "heads.json, as headsift heads writes it, or a file of Retrieval_Head", heads),
    END,
};

const struct cli_flag cli_special_flags[] = {
    CHOICE("special", "HOW", "Text that spells a special token: parse (default) it, or leave it text", special,
           "parse|text"),
    END,
};

const struct cli_flag cli_score_flags[] = {
    {.help = "Scores:"},
    CHOICE("mask", "KIND", "What masked heads do: uniform (default), zero or mean", mask, "uniform|zero|mean"),
    TEXT("calibration", 0, "FILE", "Text that the means of --mask mean are taken over (default: one that is built in)",
         calibration),
    COUNT("max-tokens", 0, "Tokens a document at most, a BOS included (default: the model's context)", max_tokens, 2,
          INT32_MAX),
    CHOICE("long", "HOW", "Longer documents: truncate (default) or chunk", long_documents, "truncate|chunk"),
    ROW("unit-size", 0, "SIZE", "Text of a unit of work, which has a part of its own (default: 32MB)", CLI_SIZE,
        unit_size, .low = 1, .high = INT64_MAX),
    END,
};

const struct cli_flag cli_rank_flags[] = {
    {.help = "Ranks:"},
    COUNT("rank", 0, "Which rank this is, from 0 (default: as Slurm, mpirun or Kubernetes say; else the only one)",
          rank, 0, INT32_MAX - 1),
    COUNT("world", 0, "How many ranks share the work", world, 1, INT32_MAX),
    END,
};

const struct cli_flag cli_again_flags[] = {
    SWITCH("steal", 0, "Then go on with units of other ranks that nobody works on", steal),
    SWITCH("accept-changed", 0, "Go on although inputs changed; their parts are made again", accept_changed),
    END,
};

const struct cli_flag cli_select_flags[] = {
    {.help = "Selection:"},
    ROW("keep", 0, "F|N", "Share (0.20, the default) or number of each domain's documents", CLI_AMOUNT, keep, .low = 1,
        .high = INT64_MAX, .exclusive = 1),
    ROW("budget", 0, "N", "Tokens of each domain", CLI_COUNT, budget, .low = 1, .high = INT64_MAX, .exclusive = 1),
    ROW("budget-total", 0, "N", "Tokens in all, split by the domains' shares", CLI_COUNT, budget_total, .low = 1,
        .high = INT64_MAX, .exclusive = 1),
    TEXT("by", 0, "COLUMN", "score (default), loss_base, random, or a numeric column", by),
    CHOICE("order", "ORDER", "desc (default), asc or middle", order, "desc|asc|middle"),
    ROW("temperature", 0, "T", "Sample by softmax(z / T), z the score's z-score in its domain (default: the top)",
        CLI_REAL, temperature, .low = 0),
    CHOICE("output-format", "FORMAT", "parquet (default), jsonl, or dolma: attributes of all documents", output_format,
           "parquet|jsonl|dolma"),
    TEXT("rejected", 0, "DIR", "The documents that are not chosen go here", rejected),
    TEXT("root", 0, "DIR", "Where the documents are now, if they have moved since they were scored", root),
    TEXT("memory", 0, "SIZE", "Memory of the selection, like 4GB (default: most of the machine's)", memory),
    TEXT("temp-dir", 0, "DIR", "Where it spills (default: inside the output folder)", temp_dir),
    END,
};

const struct cli_flag cli_compare_flags[] = {
    {.help = "Scores and selections:"},
    ROW("keep", 0, "F", "Share of each domain whose overlap is counted, of scores (default: 0.20)", CLI_AMOUNT, keep,
        .low = 1, .high = INT64_MAX),
    TEXT("by", 0, "COLUMN,...", "Further baselines: numeric columns of the scores or the documents", by),
    TEXT("scores", 0, "DIR", "Scores that the selections were made from (default: scores beside each)", scores),
    TEXT("root", 0, "DIR", "Where the documents are now, if they have moved since they were scored", root),
    COUNT("sample", 0, "Documents whose texts are read (default: 100000; for clusters 1000)", sample, 1, UINT32_MAX),
    COUNT("clusters", 0, "Clusters, with -m (default: a tenth of the documents, at most 100)", clusters, 1, INT32_MAX),
    COUNT("max-tokens", 0, "Tokens of a document at most, for clusters (default: 1024)", max_tokens, 1, INT32_MAX),
    TEXT("memory", 0, "SIZE", "Memory of the SQL, like 4GB (default: most of the machine's)", memory),
    TEXT("temp-dir", 0, "DIR", "Where it spills (default: the system's folder for such files)", temp_dir),
    END,
};

const struct cli_flag cli_run_flags[] = {
    COUNT("show", 0, "Documents shown at the top and the bottom of each domain (default: 3)", show, 0, 1000000),
    END,
};

const struct cli_flag cli_bench_flags[] = {
    {.help = "Measuring:"},
    TEXT("lengths", 0, "N,N...", "Tokens of the documents (default: 128,512,1024,2048,4096)", lengths),
    COUNT("repeat", 0, "Repetitions, of which the median is shown (default: 5)", repeat, 1, 1000),
    COUNT("probe-tokens", 0, "Tokens of a sample at most (default: 4096, or the model's context)", probe_tokens, 2,
          INT32_MAX),
    COUNT("mix-tokens", 0, "About so many tokens of the inputs (default: 32768)", mix_tokens, 2, INT32_MAX),
    SWITCH("kernels", 0, "Instead: each kernel against its plain twin (-m for its sizes)", kernels),
    END,
};

const struct cli_flag cli_explain_flags[] = {
    {.help = "Document:"},
    COUNT("row", 0, "Number of the record in FILE, from 0 (default: 0)", row, 0, INT64_MAX),
    TEXT("text", 0, "COLUMN", "Column of the text (default: text)", text),
    TEXT("input-format", 0, "FORMAT", "parquet, jsonl, csv or text (default: by the name, else text)", input_format),
    CHOICE("format", "FORMAT", "text (default; coloured on a terminal, else a table), json or html", format,
           "text|json|html"),
    END,
};

const struct cli_flag cli_judge_flags[] = {
    {.help = "Sample:"},
    COUNT("documents", 0, "Documents of each group (top 20 %, random, bottom 20 %) and domain (default: 20)", documents,
          1, 1000000),
    COUNT("bytes", 0, "Bytes of a text at most (default: 8000)", bytes, 1, INT32_MAX),
    TEXT("root", 0, "DIR", "Where the documents are now, if they have moved since they were scored", root),
    {.help = "Answers:"},
    TEXT("answers", 0, "FILE", "What judges answered about the sample in DIR: JSONL or CSV", answers),
    END,
};

const struct cli_flag cli_task_flags[] = {
    {.help = "Tasks:"},
    ROW("task", 0, "NAME=PATH|GENERATOR", "A task (docs/eval.md)", CLI_LIST, tasks, .exclusive = 2),
    COUNT("shots", 0, "Worked examples in front of an item (default: as the task is usually asked)", shots, 0, 1000),
    COUNT("limit", 0, "Items of a task at most", limit, 1, INT64_MAX),
    END,
};

const struct cli_flag cli_eval_flags[] = {
    COUNT("draws", 0, "Draws of as many random other heads (default: 3)", draws, 0, 1000),
    TEXT("fractions", 0, "F,F...", "Also mask the best heads by score at these shares of all, like 0.01,0.1",
         fractions),
    CHOICE("mask", "KIND", "What masked heads do: uniform (default), zero or mean", mask, "uniform|zero|mean"),
    TEXT("calibration", 0, "FILE", "Text that the means of --mask mean are taken over (default: one that is built in)",
         calibration),
    TEXT("save-tasks", 0, "DIR", "Write the tasks as they are asked to DIR/NAME.jsonl", save_tasks),
    END,
};

const struct cli_flag cli_status_flags[] = {
    SWITCH("json", 0, "One JSON object instead of text (all ranks)", json),
    END,
};

const struct cli_flag cli_tokenize_flags[] = {
    SWITCH("jsonl", 0, "The input is JSONL: a line of ids for each document", jsonl),
    SWITCH("bos", 0, "Put the BOS in front where scoring does", bos),
    END,
};

const struct cli_flag cli_report_flags[] = {
    {.help = "Report:"},
    ROW("price", 0, "P", "Price of an hour of the machine that scored", CLI_REAL, price, .low = 0),
    ROW("classifier-speed", 0, "N", "Tokens a second of a classifier, to compare the cost with", CLI_REAL,
        classifier_speed, .low = 0),
    TEXT("root", 0, "DIR", "Where the documents are now, if they have moved since they were scored", root),
    TEXT("memory", 0, "SIZE", "Memory of DuckDB, like 4GB (default: most of the machine's)", memory),
    TEXT("temp-dir", 0, "DIR", "Where it spills (default: beside the output)", temp_dir),
    END,
};
