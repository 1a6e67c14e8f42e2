/*
 * tlsload: send syslog messages over mutual TLS (RFC 5425) as fast as the receiver takes them.
 *
 * Every connection sends its share of the messages with blocking writes; each thread takes turns
 * among its connections. A message carries its connection and sequence number, so that loss shows:
 *
 *   <134>1 2026-01-02T03:04:05.000006Z host-1007.example.net app3 1007 ID21
 *       [load@32473 conn="7" seq="20871"] The quick brown fox ...
 *
 * With -f the lines of a file are sent instead, again and again, each connection beginning elsewhere
 * in it; with -r no more than so many messages a second in all.
 *
 * How messages become TLS records (what real senders do differs, and costs receivers differently):
 *   -m batch     records of 16 KiB filled with messages, a message may straddle two of them
 *   -m single    one message a record, one record a write()
 *   -m coalesce  one message a record, 32 records a write()
 *   -m split     two records a message, its count and its body, one record a write()
 *
 * Prints one line of JSON: messages and bytes sent, seconds from the first byte until every
 * connection was closed by the peer, seconds of handshakes before that, CLOCK_MONOTONIC at the
 * first byte, the CPU seconds this program itself used, and how far behind its rate it was at most
 * (seconds). Exit 0 only if all was sent.
 *
 * With -w it says "connected" on a line of its own once all connections stand, and sends when it
 * reads a line: so that whoever measures can tell handshakes from messages.
 *
 * Build: cc -O2 -o tlsload tlsload.c -lssl -lcrypto -lpthread
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RECORD = 16384, COALESCED = 32, LARGEST = 60000, HEADER_ROOM = 400, CLOSE_SECONDS = 60,
       PACE_NS = 2000000 };

typedef enum { BATCH, SINGLE, COALESCE, SPLIT } Mode;

typedef struct {
	const char *host, *certificate, *key, *authority, *file;
	int port, connections, threads, size;
	long messages, rate;
	Mode mode;
	bool lines; /* end messages with LF instead of counting octets */
	bool wait;  /* for a line on standard input before the first message */
} Options;

typedef struct {
	int id, fd;
	SSL *tls;
	BIO *gather; /* collects records before they are written, for COALESCE */
	long share, sent;
	char *buffer; /* messages that are not written yet, for BATCH */
	size_t filled;
} Connection;

typedef struct {
	Connection *connections;
	int count;
	long bytes, sent, share;
	double handshakes, started, behind;
	char stamp[40]; /* the time stamp, written anew every 16 messages */
	int stamp_length, stamp_uses;
	pthread_t thread;
} Worker;

static Options options = {
	.host = "127.0.0.1", .port = 6514, .connections = 1, .threads = 1,
	.size = 256, .messages = 100000, .mode = BATCH,
};
static SSL_CTX *context;
static pthread_barrier_t barrier;
static atomic_bool failed;
static char filler[LARGEST];

typedef struct {
	const char *text;
	size_t length;
} Line;
static Line *lines;
static long line_count;

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* --- messages: formatted by hand, so that the generator stays cheaper than the receiver --- */

static char *put_text(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

#define PUT(at, literal) put_text((at), (literal), sizeof(literal) - 1)

static char *put_number(char *at, long value)
{
	char digits[24];
	int n = 0;
	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n)
		*at++ = digits[--n];
	return at;
}

static void refresh_stamp(Worker *worker)
{
	struct timespec t;
	struct tm tm;
	if (worker->stamp_uses-- > 0)
		return;
	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	size_t n = strftime(worker->stamp, sizeof worker->stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(worker->stamp + n, sizeof worker->stamp - n, ".%06ldZ", t.tv_nsec / 1000);
	worker->stamp_length = (int)n;
	worker->stamp_uses = 15;
}

static char *put_frame(char *at, const char *head, size_t used, const char *body, size_t length)
{
	if (!options.lines) {
		at = put_number(at, (long)(used + length));
		*at++ = ' ';
	}
	at = put_text(at, head, used);
	at = put_text(at, body, length);
	if (options.lines)
		*at++ = '\n';
	return at;
}

/* Write the connection's next message with its framing; returns the end of it. */
static char *put_message(Worker *worker, Connection *c, char *at)
{
	char header[HEADER_ROOM], *h = header;
	long n = c->sent++;
	worker->sent++;
	if (line_count) {
		const Line *line = &lines[(c->id * (line_count / options.connections) + n) % line_count];
		return put_frame(at, line->text, line->length, "", 0);
	}
	refresh_stamp(worker);
	*h++ = '<';
	h = put_number(h, (n % 24) * 8 + (n & 7));
	h = PUT(h, ">1 ");
	h = put_text(h, worker->stamp, (size_t)worker->stamp_length);
	h = PUT(h, " host-");
	h = put_number(h, 1000 + c->id);
	h = PUT(h, ".example.net app");
	h = put_number(h, n % 7);
	*h++ = ' ';
	h = put_number(h, 1000 + c->id);
	h = PUT(h, " ID");
	h = put_number(h, n % 50);
	h = PUT(h, " [load@32473 conn=\"");
	h = put_number(h, c->id);
	h = PUT(h, "\" seq=\"");
	h = put_number(h, n);
	h = PUT(h, "\"] ");
	size_t used = (size_t)(h - header);
	size_t body = (size_t)options.size > used ? (size_t)options.size - used : 1;
	return put_frame(at, header, used, filler, body);
}

/* The lines of a file that fit into a message; the file stays in memory. */
static bool read_lines(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text = NULL;
	size_t room = 0;
	ssize_t length;
	long places = 0;
	if (!file)
		return false;
	while ((length = getline(&text, &room, file)) > 0) {
		if (text[length - 1] == '\n')
			length--;
		if (length == 0 || length > options.size)
			continue;
		if (line_count == places) {
			places = places ? 2 * places : 1024;
			lines = realloc(lines, (size_t)places * sizeof *lines);
			if (!lines)
				exit(1);
		}
		lines[line_count++] = (Line){strndup(text, (size_t)length), (size_t)length};
	}
	free(text);
	fclose(file);
	return line_count > 0;
}

/* --- connections --- */

static bool complain(const char *what, const Connection *c)
{
	fprintf(stderr, "tlsload: connection %d: %s: %s\n", c->id, what, strerror(errno));
	ERR_print_errors_fp(stderr);
	atomic_store(&failed, true);
	return false;
}

static bool dial(Connection *c)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
	int one = 1;
	if (inet_pton(AF_INET, options.host, &address.sin_addr) != 1)
		return complain("host is not an IPv4 address", c);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
		return complain("connect", c);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->tls = SSL_new(context);
	SSL_set_fd(c->tls, c->fd);
	if (SSL_connect(c->tls) != 1)
		return complain("handshake", c);
	if (options.mode == COALESCE) {
		c->gather = BIO_new(BIO_f_buffer());
		BIO_set_write_buffer_size(c->gather, (options.size + HEADER_ROOM) * COALESCED);
		BIO_push(c->gather, BIO_new_socket(c->fd, BIO_NOCLOSE));
		SSL_set0_wbio(c->tls, c->gather);
	}
	return true;
}

static bool write_record(Worker *worker, Connection *c, const char *data, size_t length)
{
	size_t written;
	if (SSL_write_ex(c->tls, data, length, &written) != 1)
		return complain("write", c);
	worker->bytes += (long)written;
	return true;
}

/* Send one turn's worth of messages; false when the connection broke. */
static bool take_turn(Worker *worker, Connection *c)
{
	char *end, *start = c->buffer;
	if (options.mode == BATCH) {
		while (c->sent < c->share && c->filled < RECORD)
			c->filled = (size_t)(put_message(worker, c, start + c->filled) - start);
		size_t now = c->filled < RECORD ? c->filled : RECORD;
		if (!write_record(worker, c, start, now))
			return false;
		c->filled -= now;
		memmove(start, start + now, c->filled);
		return true;
	}
	int turns = options.mode == COALESCE ? COALESCED : 1;
	while (turns-- > 0 && c->sent < c->share) {
		end = put_message(worker, c, start);
		char *body = start;
		if (options.mode == SPLIT && !options.lines) {
			body = (char *)memchr(start, ' ', 8) + 1;
			if (!write_record(worker, c, start, (size_t)(body - start)))
				return false;
		}
		if (!write_record(worker, c, body, (size_t)(end - body)))
			return false;
	}
	if (c->gather && BIO_flush(c->gather) != 1)
		return complain("flush", c);
	return true;
}

static void say_goodbye(Connection *c)
{
	if (!c->tls)
		return;
	SSL_shutdown(c->tls);
	if (c->gather)
		(void)BIO_flush(c->gather);
	shutdown(c->fd, SHUT_WR);
}

/* Wait until the peer has closed too: closing first would let a reset overtake the data. */
static void wait_for_close(Connection *c)
{
	struct timeval limit = {.tv_sec = CLOSE_SECONDS};
	char rest[4096];
	if (!c->tls)
		return;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	while (read(c->fd, rest, sizeof rest) > 0)
		;
	SSL_free(c->tls);
	close(c->fd);
}

/* Wait as long as more was sent than is due, and note by how much less it was. */
static void keep_pace(Worker *worker)
{
	double rate = (double)options.rate * (double)worker->share / (double)options.messages;
	double behind;
	if (!options.rate)
		return;
	while ((behind = seconds() - worker->started - (double)worker->sent / rate) < 0)
		nanosleep(&(struct timespec){.tv_nsec = PACE_NS}, NULL);
	if (behind > worker->behind)
		worker->behind = behind;
}

static void *work(void *argument)
{
	Worker *worker = argument;
	double started = seconds();
	for (int i = 0; i < worker->count && !atomic_load(&failed); i++)
		dial(&worker->connections[i]);
	worker->handshakes = seconds() - started;
	pthread_barrier_wait(&barrier); /* all are connected */
	pthread_barrier_wait(&barrier); /* the clock runs */
	worker->started = seconds();
	for (bool busy = true; busy && !atomic_load(&failed);) {
		busy = false;
		keep_pace(worker);
		for (int i = 0; i < worker->count; i++) {
			Connection *c = &worker->connections[i];
			if (c->sent >= c->share && c->filled == 0)
				continue;
			busy = true;
			if (!take_turn(worker, c))
				break;
		}
	}
	for (int i = 0; i < worker->count; i++)
		say_goodbye(&worker->connections[i]);
	for (int i = 0; i < worker->count; i++)
		wait_for_close(&worker->connections[i]);
	return NULL;
}

/* --- the run --- */

/* Without a word there is nobody left to send for: input that ends counts as one. */
static void wait_for_word(void)
{
	puts("connected");
	fflush(stdout);
	for (int c = getchar(); c != '\n' && c != EOF; c = getchar())
		;
}

static void make_context(void)
{
	context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_load_verify_locations(context, options.authority, NULL) != 1 ||
	    SSL_CTX_use_certificate_chain_file(context, options.certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, options.key, SSL_FILETYPE_PEM) != 1) {
		ERR_print_errors_fp(stderr);
		exit(2);
	}
}

static int usage(void)
{
	fputs("usage: tlsload -A ca.pem -C cert.pem -K key.pem -p port [-h address] [-c connections]\n"
	      "               [-n messages] [-s bytes] [-t threads] [-m batch|single|coalesce|split]\n"
	      "               [-f file of lines] [-r messages a second]\n"
	      "               [-L] (end messages with LF) [-w] (wait for a line before sending)\n",
	      stderr);
	return 2;
}

static bool read_mode(const char *word)
{
	static const char *const words[] = {"batch", "single", "coalesce", "split"};
	for (int i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0) {
			options.mode = (Mode)i;
			return true;
		}
	return false;
}

static bool read_options(int count, char **words)
{
	for (int o; (o = getopt(count, words, "A:C:K:p:h:c:n:s:t:m:f:r:Lw")) > 0;) {
		switch (o) {
		case 'A': options.authority = optarg; break;
		case 'C': options.certificate = optarg; break;
		case 'K': options.key = optarg; break;
		case 'p': options.port = atoi(optarg); break;
		case 'h': options.host = optarg; break;
		case 'c': options.connections = atoi(optarg); break;
		case 'n': options.messages = atol(optarg); break;
		case 's': options.size = atoi(optarg); break;
		case 't': options.threads = atoi(optarg); break;
		case 'm': if (!read_mode(optarg)) return false; break;
		case 'f': options.file = optarg; break;
		case 'r': options.rate = atol(optarg); break;
		case 'L': options.lines = true; break;
		case 'w': options.wait = true; break;
		default: return false;
		}
	}
	if (options.threads > options.connections)
		options.threads = options.connections;
	return options.authority && options.certificate && options.key && options.port > 0 &&
	       options.connections > 0 && options.threads > 0 && options.messages > 0 &&
	       options.size > 0 && options.size < LARGEST;
}

int main(int count, char **words)
{
	static const char sentence[] = "The quick brown fox jumps over the lazy dog 0123456789 ";
	if (!read_options(count, words))
		return usage();
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof filler; i++)
		filler[i] = sentence[i % (sizeof sentence - 1)];
	make_context();
	if (options.file && !read_lines(options.file)) {
		fprintf(stderr, "tlsload: no lines in %s\n", options.file);
		return 2;
	}

	Connection *connections = calloc((size_t)options.connections, sizeof *connections);
	Worker *workers = calloc((size_t)options.threads, sizeof *workers);
	if (!connections || !workers)
		return 1;
	for (int i = 0; i < options.connections; i++) {
		Connection *c = &connections[i];
		c->id = i;
		c->share = options.messages / options.connections + (i < options.messages % options.connections);
		c->buffer = malloc(RECORD + (size_t)options.size + HEADER_ROOM);
		if (!c->buffer)
			return 1;
	}
	pthread_barrier_init(&barrier, NULL, (unsigned)options.threads + 1);
	int next = 0;
	for (int i = 0; i < options.threads; i++) {
		workers[i].connections = connections + next;
		workers[i].count = options.connections / options.threads + (i < options.connections % options.threads);
		for (int n = 0; n < workers[i].count; n++)
			workers[i].share += connections[next + n].share;
		next += workers[i].count;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			return 1;
	}
	pthread_barrier_wait(&barrier);
	if (options.wait)
		wait_for_word();
	double started = seconds(), cpu = cpu_seconds();
	pthread_barrier_wait(&barrier);

	long sent = 0, bytes = 0;
	double handshakes = 0, behind = 0;
	for (int i = 0; i < options.threads; i++) {
		pthread_join(workers[i].thread, NULL);
		bytes += workers[i].bytes;
		if (workers[i].handshakes > handshakes)
			handshakes = workers[i].handshakes;
		if (workers[i].behind > behind)
			behind = workers[i].behind;
	}
	for (int i = 0; i < options.connections; i++)
		sent += connections[i].sent;
	bool complete = !atomic_load(&failed) && sent == options.messages;
	printf("{\"sent\": %ld, \"bytes\": %ld, \"seconds\": %.4f, \"handshakes\": %.4f, "
	       "\"started\": %.6f, \"cpu\": %.4f, \"behind\": %.4f, \"complete\": %s}\n",
	       sent, bytes, seconds() - started, handshakes, started, cpu_seconds() - cpu, behind,
	       complete ? "true" : "false");
	return complete ? 0 : 1;
}
